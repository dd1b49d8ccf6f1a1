"""What a server says of its tools, against what was declared or pinned (CONTRACTS section 5, "Declared tools").

The first live definition whose input schema equals the declared one is pinned here for as long as this process lives,
until a reviewed pin comes with the policy; any other definition holds the tool. A name that stands twice is held.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable

from enforcer.contract.canonical import canonical
from enforcer.contract.definition import definition_hash
from enforcer.contract.snapshot import ToolPolicy
from enforcer.contract.strict_json import JsonObject
from enforcer.mcp.upstream.base import UpstreamFailure
from enforcer.policy.decision import Definition
from enforcer.policy.index import Index


class Catalog:
    """Of one server."""

    def __init__(self) -> None:
        self.listing = asyncio.Lock()
        self.tries = 0
        self.failure: UpstreamFailure | None = None  # of the last try, for those who waited for it
        self._live: dict[str, tuple[str, bytes]] | None = None  # name -> (definition hash, canonical input schema)
        self._twice: frozenset[str] = frozenset()
        self._pins: dict[tuple[str, bytes], str] = {}

    def listed(self) -> bool:
        """Whether the server's whole list was seen."""
        return self._live is not None

    def learn(self, index: Index, definitions: Iterable[JsonObject]) -> None:
        """Take in the server's whole list; what it no longer has is unseen again."""
        named = [(name, d) for d in definitions if isinstance(name := d.get("name"), str)]
        counts = Counter(name for name, _ in named)
        self._twice = frozenset(name for name, count in counts.items() if count > 1)
        self._live = {name: (definition_hash(d), canonical(d.get("inputSchema"))) for name, d in named}
        for name in self._live:
            self.definition(index, name)

    def definition(self, index: Index, name: str) -> Definition:
        """Whether the tool is as it was declared or pinned."""
        if name in self._twice:
            return "changed"
        live, tool = (self._live or {}).get(name), index.tools.get(name)
        if live is None or tool is None:
            return "unseen"
        return "same" if self._fits(tool.policy, *live) else "changed"

    def shows(self, index: Index, definition: JsonObject) -> bool:
        """Whether a definition on its way to a caller is the one that was declared or pinned."""
        name = definition.get("name")
        tool = index.tools.get(name) if isinstance(name, str) else None
        if tool is None or not isinstance(name, str) or name in self._twice:
            return False
        seen = definition_hash(definition), canonical(definition.get("inputSchema"))
        if self._live is not None:
            self._live[name] = seen  # what differs now holds the tool for calls too
        return self._fits(tool.policy, *seen)

    def hash_of(self, name: str) -> str | None:
        """Hash of the live definition, for the receipt."""
        live = (self._live or {}).get(name)
        return live[0] if live else None

    def _fits(self, tool: ToolPolicy, live_hash: str, live_schema: bytes) -> bool:
        if tool.pin is not None:
            return live_hash == tool.pin
        declared = canonical(tool.input_schema)
        if live_schema != declared:
            return False
        return self._pins.setdefault((tool.name, declared), live_hash) == live_hash
