"""What a server says of its tools, against what was declared or pinned (CONTRACTS section 5, "Declared tools").

The first live definition whose input schema equals the declared one is pinned here for as long as this process lives,
until a reviewed pin comes with the policy; any other definition holds the tool. A name that stands twice is held.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from enforcer.contract.canonical import canonical
from enforcer.contract.definition import definition_hash
from enforcer.contract.sighting import Sighting, hash_of_all, is_name
from enforcer.contract.snapshot import ToolPolicy
from enforcer.contract.strict_json import JsonObject
from enforcer.mcp.upstream.base import UpstreamFailure
from enforcer.policy.decision import Definition
from enforcer.policy.index import Index
from enforcer.policy.rates import Bucket, Rate, has_room, take, tokens_left

REPEAT_S = 300.0  # until what was reported and is still unknown to the policy is reported again
OF_A_SERVER, OF_A_TOOL = Rate(2_000, 3600.0), Rate(10, 3600.0)  # reports


@dataclass(frozen=True, slots=True)
class Live:
    """What stands under one name now. `schema`: canonical bytes of the input schema."""

    hash: str
    schema: bytes = b""
    definition: JsonObject | None = None  # none where the name stands twice


class Catalog:
    """Of one server."""

    def __init__(self, on_change: Callable[[], None] = lambda: None) -> None:
        """`on_change` hears of each definition that is another one than before."""
        self._on_change = on_change
        self.version = 0  # one more with each definition that is another one than before
        self.listing = asyncio.Lock()
        self.wanted = asyncio.Event()  # somebody saw that the list has changed
        self.tries = 0
        self.failure: UpstreamFailure | None = None  # of the last try, for those who waited for it
        self.left_out = 0  # changes that were too many to report
        self._live: dict[str, Live] | None = None
        self._pins: dict[tuple[str, bytes], str] = {}
        self._reported: dict[tuple[str, str], float] = {}
        self._rates: dict[str, Bucket] = {}

    def listed(self) -> bool:
        """Whether the server's whole list was seen."""
        return self._live is not None

    def learn(self, index: Index, definitions: Iterable[JsonObject]) -> None:
        """Take in the server's whole list; what it no longer has is unseen again."""
        named: dict[str, list[Live]] = {}
        for said in definitions:
            if isinstance(name := said.get("name"), str):
                named.setdefault(name, []).append(_live(said))
        before, self._live = self._live or {}, {name: _one(lives) for name, lives in named.items()}
        if {n: one.hash for n, one in before.items()} != {n: one.hash for n, one in self._live.items()}:
            self._changed()
        for name in self._live:
            self.definition(index, name)

    def definition(self, index: Index, name: str) -> Definition:
        """Whether the tool is as it was declared or pinned."""
        live, tool = (self._live or {}).get(name), index.tools.get(name)
        if live is None or (tool is None and live.definition is not None):
            return "unseen"
        return "same" if tool is not None and self._fits(tool.policy, live) else "changed"

    def shows(self, index: Index, definition: JsonObject) -> bool:
        """Whether a definition on its way to a caller is the one that was declared or pinned."""
        name = definition.get("name")
        if not isinstance(name, str):
            return False
        seen, known = _live(definition), (self._live or {}).get(name)
        if known is None or known.hash != seen.hash:
            self.wanted.set()
        tool = index.tools.get(name)
        if tool is None or (known is not None and known.definition is None):
            return False
        if self._live is not None:
            self._live[name] = seen  # what differs now holds the tool for calls too
            if known is None or known.hash != seen.hash:
                self._changed()
        return self._fits(tool.policy, seen)

    def hash_of(self, name: str) -> str | None:
        """Hash of the live definition, for the receipt."""
        live = (self._live or {}).get(name)
        return live.hash if live else None

    def twice(self) -> list[str]:
        """Names that stand more than once."""
        return sorted(name for name, live in (self._live or {}).items() if live.definition is None)

    def unreported(self, index: Index, now: float) -> Iterator[Sighting]:
        """What the policy does not know yet, as far as it was not reported of late; `now`: monotonic seconds."""
        server_id, self.left_out = index.snapshot.server_id, 0
        for sighting in _news(server_id, index, self._live or {}) if self._live is not None else ():
            told = self._reported.get((sighting.tool_name, sighting.hash))
            if told is not None and now - told < REPEAT_S:
                continue
            if self._may_report(sighting.tool_name, now):
                yield sighting
            else:
                self.left_out += 1

    def reported(self, sighting: Sighting, now: float) -> None:
        """Its receipt is durable."""
        self._reported = {key: at for key, at in self._reported.items() if now - at < REPEAT_S}
        self._reported[sighting.tool_name, sighting.hash] = now
        for key, rate in _buckets(sighting.tool_name):
            self._rates[key] = take(rate, self._rates.get(key), now)

    def _changed(self) -> None:
        self.version += 1
        self._on_change()

    def _may_report(self, name: str, now: float) -> bool:
        return all(has_room(tokens_left(rate, self._rates.get(key), now)) for key, rate in _buckets(name))

    def _fits(self, tool: ToolPolicy, live: Live) -> bool:
        if live.definition is None:
            return False
        if tool.pin is not None:
            return live.hash == tool.pin
        declared = canonical(tool.input_schema)
        if live.schema != declared:
            return False
        return self._pins.setdefault((tool.name, declared), live.hash) == live.hash


def _live(said: JsonObject) -> Live:
    return Live(definition_hash(said), canonical(said.get("inputSchema")), said)


def _one(lives: list[Live]) -> Live:
    return lives[0] if len(lives) == 1 else Live(hash_of_all([live.hash for live in lives]))


def _news(server_id: str, index: Index, live: dict[str, Live]) -> Iterator[Sighting]:
    for name, one in live.items():
        tool = index.tools.get(name)
        if is_name(name) and (tool is None or tool.policy.seen != one.hash):
            yield Sighting(server_id, name, "twice" if one.definition is None else "seen", one.hash, one.definition)
    for name, known in index.tools.items():
        if known.policy.seen is not None and name not in live:
            yield Sighting(server_id, name, "gone")


def _buckets(name: str) -> tuple[tuple[str, Rate], ...]:
    return (("", OF_A_SERVER), (f"tool {name}", OF_A_TOOL))
