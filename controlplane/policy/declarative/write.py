"""One change of a diff to the rows, through the services of the app that owns them."""

from controlplane.grants.services import delete_grant, write_grant
from controlplane.grants.specs import GrantSpec
from controlplane.inventory import services as inventory
from controlplane.inventory.specs import ServerSpec, ToolSpec, TrustLevelSpec
from controlplane.policy.declarative.diff import Change
from controlplane.policy.declarative.policy import KillSpec, Spec
from controlplane.principals import services as principals
from controlplane.principals.specs import GroupSpec, IdentityProviderSpec, PrincipalSpec


def write(change: Change) -> set[str]:
    """Make the change; returns the servers whose policy it touched. Kill switches are raised elsewhere."""
    if change.after is not None:
        return _put(change.after)
    assert change.before is not None
    return _remove(change.before)


def _put(spec: Spec) -> set[str]:
    match spec:
        case TrustLevelSpec():
            return inventory.write_trust_level(spec)
        case IdentityProviderSpec():
            return principals.write_identity_provider(spec)
        case GroupSpec():
            return principals.write_group(spec)
        case PrincipalSpec():
            return principals.write_principal(spec)
        case ServerSpec():
            return inventory.write_server(spec)
        case ToolSpec():
            return inventory.write_tool(spec)
        case GrantSpec():
            return write_grant(spec)
        case KillSpec():
            return set()


def _remove(spec: Spec) -> set[str]:
    match spec:
        case IdentityProviderSpec():
            return principals.delete_identity_provider(spec.issuer)
        case GroupSpec():
            return principals.delete_group(spec.name)
        case PrincipalSpec():
            return principals.delete_principal(spec.key)
        case ServerSpec():
            return inventory.retire_server(spec.id)
        case ToolSpec():
            return inventory.delete_tool(spec.server_id, spec.name)
        case GrantSpec():
            return delete_grant(spec.key)
        case TrustLevelSpec() | KillSpec():
            raise RuntimeError("a trust level or a kill switch is never pruned")
