"""Which servers' policy a set of changes touches, told from what was and what will be; nothing is asked of the rows."""

from collections.abc import Iterable

from controlplane.grants.specs import GrantSpec
from controlplane.inventory.specs import RiskPatternSpec, ServerSpec, ToolSpec, TrustLevelSpec
from controlplane.policy.declarative.diff import Change
from controlplane.policy.declarative.policy import Policy, Spec
from controlplane.principals.specs import IdentityProviderSpec, PrincipalKey, PrincipalSpec


class Reach:
    """One policy, looked up by who is granted something. Groups, vault backends and kill switches touch no snapshot.

    Places are noted first and looked up at the end, so that a selector of thousands of grants is worked out once.
    """

    def __init__(self, policy: Policy) -> None:
        self._servers = policy.servers
        self._ids: set[str] = set()
        self._levels: set[str] = set()  # "" is every level
        self._groups: set[str] = set()
        self._of_principal: dict[PrincipalKey, list[GrantSpec]] = {}
        self._of_group: dict[str, list[GrantSpec]] = {}
        for grant in policy.grants.values():
            if grant.principal:
                self._of_principal.setdefault(grant.principal, []).append(grant)
            else:
                self._of_group.setdefault(grant.group, []).append(grant)

    def note(self, spec: Spec | None) -> None:
        """Servers whose snapshot holds something of it."""
        match spec:
            case ServerSpec():
                self._ids.add(spec.id)
            case ToolSpec():
                self._ids.add(spec.server_id)
            case TrustLevelSpec():
                self._levels.add(spec.name)
            case IdentityProviderSpec() | RiskPatternSpec():
                self._levels.add("")
            case GrantSpec():
                self._granted([spec])
            case PrincipalSpec():
                self._granted(self._of_principal.get(spec.key, []))
                self._groups.update(spec.groups)

    def servers(self) -> set[str]:
        """Ids of all that was noted."""
        for name in self._groups:
            self._granted(self._of_group.get(name, []))
        levels = self._levels
        return self._ids | {s.id for s in self._servers.values() if "" in levels or s.trust_level_id in levels}

    def _granted(self, grants: Iterable[GrantSpec]) -> None:
        for grant in grants:
            if grant.server_id:
                self._ids.add(grant.server_id)
            else:
                self._levels.add(grant.trust)


def touched(changes: Iterable[Change], before: Policy, after: Policy) -> set[str]:
    """Ids of the servers to compile anew."""
    old, new = Reach(before), Reach(after)
    for change in changes:
        old.note(change.before)
        new.note(change.after)
    return old.servers() | new.servers()
