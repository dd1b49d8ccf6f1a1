"""Pages of this app in the web admin: a module each for switches, and for revocations and quarantines."""

from controlplane.incidents.admin_held import QuarantineAdmin, RevokedPrincipalAdmin, RevokedTokenAdmin
from controlplane.incidents.admin_switches import KillSwitchAdmin

__all__ = ["KillSwitchAdmin", "QuarantineAdmin", "RevokedPrincipalAdmin", "RevokedTokenAdmin"]
