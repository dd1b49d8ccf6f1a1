"""One change of a diff to the rows, through the services of the app that owns them."""

from controlplane.grants.services import delete_grant, write_grant
from controlplane.grants.specs import GrantSpec
from controlplane.inventory import services as inventory
from controlplane.inventory.specs import ServerSpec, ToolSpec, TrustLevelSpec
from controlplane.policy.declarative.diff import Change
from controlplane.policy.declarative.policy import KillSpec, Spec
from controlplane.principals import services as principals
from controlplane.principals.specs import GroupSpec, IdentityProviderSpec, PrincipalSpec


def write(change: Change) -> None:
    """Make the change. Kill switches are raised elsewhere."""
    if change.after is not None:
        _put(change.after)
    elif change.before is not None:
        _remove(change.before)


def _put(spec: Spec) -> None:
    match spec:
        case TrustLevelSpec():
            inventory.write_trust_level(spec)
        case IdentityProviderSpec():
            principals.write_identity_provider(spec)
        case GroupSpec():
            principals.write_group(spec)
        case PrincipalSpec():
            principals.write_principal(spec)
        case ServerSpec():
            inventory.write_server(spec)
        case ToolSpec():
            inventory.write_tool(spec)
        case GrantSpec():
            write_grant(spec)
        case KillSpec():
            pass


def _remove(spec: Spec) -> None:
    match spec:
        case IdentityProviderSpec():
            principals.delete_identity_provider(spec.issuer)
        case GroupSpec():
            principals.delete_group(spec.name)
        case PrincipalSpec():
            principals.delete_principal(spec.key)
        case ServerSpec():
            inventory.retire_server(spec.id)
        case ToolSpec():
            inventory.delete_tool(spec.server_id, spec.name)
        case GrantSpec():
            delete_grant(spec.key)
        case TrustLevelSpec() | KillSpec():
            raise RuntimeError("a trust level or a kill switch is never pruned")
