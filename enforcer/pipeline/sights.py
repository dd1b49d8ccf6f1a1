"""What callers are shown of a server's tools, worked out once for all who hold the same: a change wakes many streams.

A sight only says whether a client has to list anew; every list and every call is decided by itself.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from enforcer.discovery.catalog import Catalog
from enforcer.link.state import Applied
from enforcer.mcp.sessions import Sight
from enforcer.policy.access import access, visible_tools
from enforcer.policy.call import Call

PART = 256  # tools looked at before the loop turns
NOTHING: Sight = frozenset()


@dataclass(frozen=True, slots=True)
class Moment:
    """When a caller looks: by which policy, how old its news are, and whether they are fresh enough for high risks."""

    policy: Applied
    age: float | None
    fresh: bool
    now: float


_Alike = tuple[int, frozenset[str]]


@dataclass(slots=True)
class Sights:
    """Of one server. What is known is of one state; the streams of another one begin anew."""

    catalog: Catalog
    _state: "_State | None" = None

    async def of(self, call: Call, moment: Moment) -> Sight:
        """The names that this caller's list would have, with the hashes of their definitions; the loop turns."""
        index, incident = moment.policy.index, moment.policy.incident
        at_all = access(index, incident, call.caller, call.enforcer_id, moment.age, moment.now)
        if at_all.result != "allow":  # of this caller alone, so nobody else's
            return NOTHING
        if self._state is None or not self._state.holds(moment, self.catalog.version):
            self._state = _State(moment, self.catalog.version, index.next_turn(moment.now))
        state, principal = self._state, index.principal(call.caller.subject, call.caller.issuer)
        alike = (id(principal.holdings), principal.groups)  # the index, which the state keeps, keeps the id taken
        async with state.looking[alike]:
            if alike not in state.known:
                state.known[alike] = await self._look(call, moment)
            return state.known[alike]

    async def _look(self, call: Call, moment: Moment) -> Sight:
        index, incident = moment.policy.index, moment.policy.incident
        seen = set[tuple[str, str | None]]()
        principal = index.principal(call.caller.subject, call.caller.issuer)
        for some in _in_parts(tuple(principal.spoken_of(index.tools))):
            visible = visible_tools(index, incident, call.caller, call.enforcer_id, moment.age, moment.now, some)
            genuine = (name for name in visible if self.catalog.definition(index, name) == "same")
            seen.update((name, self.catalog.hash_of(name)) for name in genuine)
            await asyncio.sleep(0)
        return frozenset(seen)


@dataclass(slots=True)
class _State:
    """Policy, list of the server and freshness, compared by identity: two policies are compared in no time."""

    moment: Moment
    version: int
    until: float  # when a grant's window turns
    known: dict[_Alike, Sight] = field(default_factory=dict)
    looking: defaultdict[_Alike, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    def holds(self, moment: Moment, version: int) -> bool:
        ours = self.moment
        same = ours.policy.index is moment.policy.index and ours.policy.incident is moment.policy.incident
        return same and (ours.fresh, self.version) == (moment.fresh, version) and moment.now < self.until


def _in_parts(names: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    return (names[at : at + PART] for at in range(0, len(names), PART))
