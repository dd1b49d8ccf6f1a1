"""Pages of this app in the web admin: a module each for switches, and for everything else that is stopped."""

from controlplane.incidents.admin_held import (
    EgressBlockAdmin,
    QuarantineAdmin,
    RevokedPrincipalAdmin,
    RevokedTokenAdmin,
)
from controlplane.incidents.admin_plans import PlannedKillAdmin
from controlplane.incidents.admin_switches import KillSwitchAdmin

__all__ = [
    "EgressBlockAdmin",
    "KillSwitchAdmin",
    "PlannedKillAdmin",
    "QuarantineAdmin",
    "RevokedPrincipalAdmin",
    "RevokedTokenAdmin",
]
