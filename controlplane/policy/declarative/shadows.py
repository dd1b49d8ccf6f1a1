"""Which denies take away all that a grant allows. Kept by whom they are for, so that each is looked at once."""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from controlplane.grants.specs import GrantSpec
from controlplane.inventory.specs import ToolSpec
from controlplane.policy.declarative.policy import Policy
from controlplane.policy.declarative.selections import Selections
from controlplane.principals.specs import PrincipalKey

Who: TypeAlias = PrincipalKey | str


class _Denied:
    """What one principal or group is denied, without a constraint: by selector, or by name on a server."""

    def __init__(self) -> None:
        self.selectors: dict[tuple[str, str], GrantSpec] = {}
        self.by_server: dict[str, list[GrantSpec]] = {}
        self.named: dict[str, dict[str, GrantSpec]] = {}

    def add(self, deny: GrantSpec) -> None:
        if deny.server_id:
            self.by_server.setdefault(deny.server_id, []).append(deny)
        else:
            self.selectors.setdefault((deny.trust, deny.risk), deny)

    def by(self, tool: ToolSpec, trust: str, selections: Selections) -> GrantSpec | None:
        """One deny of the tool, if there is any."""
        for selector in ((trust, tool.risk), (trust, ""), ("", tool.risk)):
            if selector in self.selectors:
                return self.selectors[selector]
        if tool.server_id not in self.named:
            denies = self.by_server.get(tool.server_id, [])
            self.named[tool.server_id] = {t.name: deny for deny in denies for t in selections.of(deny)}
        return self.named[tool.server_id].get(tool.name)


class Shadows:
    """The denies of one policy."""

    def __init__(self, policy: Policy, selections: Selections) -> None:
        self._policy, self._selections = policy, selections
        self._denied: dict[Who, _Denied] = {}
        for grant in policy.grants.values():
            if grant.effect == "deny" and grant.constraint is None:
                self._denied.setdefault(grant.principal or grant.group, _Denied()).add(grant)

    def over(self, grant: GrantSpec, tools: Sequence[ToolSpec]) -> list[GrantSpec]:
        """The denies that leave nothing of these tools; none where something is left."""
        theirs = [self._denied[who] for who in self._whose(grant) if who in self._denied]
        found: dict[str, GrantSpec] = {}
        for tool in tools if theirs else ():
            trust = self._policy.servers[tool.server_id].trust_level_id
            deny = next(filter(None, (one.by(tool, trust, self._selections) for one in theirs)), None)
            if deny is None:
                return []
            found[deny.key] = deny
        return list(found.values())

    def _whose(self, grant: GrantSpec) -> Iterator[Who]:
        """A principal is denied what its groups are denied; a group's grant stands beside a member's deny."""
        if grant.group:
            yield grant.group
        elif grant.principal:
            yield grant.principal
            member = self._policy.principals.get(grant.principal)
            yield from member.groups if member else ()
