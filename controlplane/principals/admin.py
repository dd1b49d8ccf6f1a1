"""Pages of this app in the web admin: a module each for principals, groups, providers and tokens."""

from controlplane.principals.admin_groups import GroupAdmin
from controlplane.principals.admin_principals import PrincipalAdmin
from controlplane.principals.admin_providers import IdentityProviderAdmin
from controlplane.principals.admin_tokens import IssuedTokenAdmin

__all__ = ["GroupAdmin", "IdentityProviderAdmin", "IssuedTokenAdmin", "PrincipalAdmin"]
