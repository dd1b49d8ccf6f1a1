"""The tools that a grant speaks of. What many grants have, a selector or a glob, is worked out once."""

from collections.abc import Sequence

from controlplane.grants.specs import GrantSpec
from controlplane.inventory.specs import ToolSpec
from controlplane.policy.declarative.policy import Policy
from enforcer.policy.globs import matches

GLOB = ("*", "?")


class Selections:
    """The tools of one policy; asked once nothing is added to it any more."""

    def __init__(self, policy: Policy) -> None:
        self._servers = policy.servers
        self._by_server: dict[str, dict[str, ToolSpec]] = {}
        self._selected: dict[tuple[str, str], list[ToolSpec]] = {}
        self._matched: dict[tuple[str, str], list[ToolSpec]] = {}
        for tool in policy.tools.values():
            self._by_server.setdefault(tool.server_id, {})[tool.name] = tool

    def of(self, grant: GrantSpec) -> Sequence[ToolSpec]:
        """The known tools that the grant allows or denies."""
        if grant.server_id:
            found = {tool.name: tool for pattern in grant.tools for tool in self.named(grant.server_id, pattern)}
            return list(found.values())
        return self._selection(grant.trust, grant.risk)

    def named(self, server_id: str, pattern: str) -> Sequence[ToolSpec]:
        """The tools of a server that one name or glob fits."""
        tools = self._by_server.get(server_id, {}) if server_id in self._servers else {}
        if not any(sign in pattern for sign in GLOB):
            return [tools[pattern]] if pattern in tools else []
        if (server_id, pattern) not in self._matched:
            self._matched[server_id, pattern] = [tool for name, tool in tools.items() if matches(pattern, name)]
        return self._matched[server_id, pattern]

    def _selection(self, trust: str, risk: str) -> Sequence[ToolSpec]:
        if (trust, risk) not in self._selected:
            servers = [server.id for server in self._servers.values() if trust in ("", server.trust_level_id)]
            tools = (tool for id_ in servers for tool in self._by_server.get(id_, {}).values())
            self._selected[trust, risk] = [tool for tool in tools if risk in ("", tool.risk)]
        return self._selected[trust, risk]
