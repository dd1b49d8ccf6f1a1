"""Which servers' policy a set of changes touches, told from what was and what will be; nothing is asked of the rows."""

from collections.abc import Iterable

from controlplane.grants.specs import GrantSpec
from controlplane.inventory.specs import ServerSpec, ToolSpec, TrustLevelSpec
from controlplane.policy.declarative.diff import Change
from controlplane.policy.declarative.policy import Policy, Spec
from controlplane.principals.specs import IdentityProviderSpec, PrincipalKey, PrincipalSpec


class Reach:
    """One policy, looked up by who is granted something. Groups alone and kill switches touch no snapshot."""

    def __init__(self, policy: Policy) -> None:
        self._servers = policy.servers
        self._of_principal: dict[PrincipalKey, list[GrantSpec]] = {}
        self._of_group: dict[str, list[GrantSpec]] = {}
        for grant in policy.grants.values():
            if grant.principal:
                self._of_principal.setdefault(grant.principal, []).append(grant)
            else:
                self._of_group.setdefault(grant.group, []).append(grant)

    def servers(self, spec: Spec | None) -> set[str]:
        """Ids of the servers whose snapshot holds something of it."""
        match spec:
            case ServerSpec():
                return {spec.id}
            case ToolSpec():
                return {spec.server_id}
            case TrustLevelSpec():
                return {server.id for server in self._servers.values() if server.trust_level_id == spec.name}
            case IdentityProviderSpec():
                return set(self._servers)
            case GrantSpec():
                return self._granted([spec])
            case PrincipalSpec():
                grouped = [grant for name in spec.groups for grant in self._of_group.get(name, [])]
                return self._granted([*self._of_principal.get(spec.key, []), *grouped])
            case _:
                return set()

    def _granted(self, grants: Iterable[GrantSpec]) -> set[str]:
        reached: set[str] = set()
        for grant in grants:
            if grant.server_id:
                reached.add(grant.server_id)
            else:
                selected = self._servers.values()
                reached.update(s.id for s in selected if grant.trust in ("", s.trust_level_id))
        return reached


def touched(changes: Iterable[Change], before: Policy, after: Policy) -> set[str]:
    """Ids of the servers to compile anew."""
    old, new = Reach(before), Reach(after)
    return {server for change in changes for server in old.servers(change.before) | new.servers(change.after)}
