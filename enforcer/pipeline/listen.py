"""A client listens: it hears when what it may see has changed, for as long as it may listen at all.

Nothing of it reaches the server. A stream counts as in flight, so that a kill closes it and waits for its receipt, and
outlives neither its token nor its session (RELIABILITY C8, C37).
"""

import asyncio
import random
from dataclasses import dataclass

from enforcer.contract.reasons import ReasonCode
from enforcer.identity.claims import LEEWAY_S
from enforcer.mcp import streams
from enforcer.mcp.answers import Answer
from enforcer.mcp.sessions import Sight
from enforcer.pipeline import replies
from enforcer.pipeline.client import Client
from enforcer.pipeline.decide import refused_now
from enforcer.pipeline.gate import Gate
from enforcer.pipeline.identify import token_problem
from enforcer.pipeline.open_streams import OpenStream
from enforcer.pipeline.sights import NOTHING, Moment
from enforcer.pipeline.transaction import Outcome, Transaction, Verdict

KEEP_ALIVE_S = 15.0  # as the official SDKs do; also how often the token and the age of the news are looked at
SPREAD_S = 0.25  # over which streams that are woken together look, and their clients list


async def listen(gate: Gate, tx: Transaction, client: Client) -> Answer:
    """Until the client leaves, or the gate has a reason to end it; the answer is its last event."""
    assert tx.admitted is not None
    assert tx.flight is not None
    stream = gate.streams.open(tx.server_id, tx.principal, tx.admitted.session)
    if stream is None:
        return replies.deny(gate, tx, Verdict.deny(ReasonCode.DENY_RATE_LIMIT, detail="too many open streams"))
    started, why = gate.monotonic(), "the gate stopped"
    try:
        refusal = await _watched(_Listening(gate, tx, client, stream))
        why = stream.ended
        return streams.over(tx.admitted) if refusal is None else replies.deny(gate, tx, refusal)
    except asyncio.CancelledError:
        if tx.flight.stopped is None:
            raise
        why = "stopped"
        return replies.deny(gate, tx, Verdict.of(tx.flight.stopped))
    finally:
        gate.streams.close(stream, gate.wall())
        tx.flight.end()
        tx.outcome = Outcome("success", gate.monotonic() - started, client.sent, why)


async def _watched(listening: "_Listening") -> Verdict | None:
    async with asyncio.TaskGroup() as tasks:
        watcher = tasks.create_task(_end_when_gone(listening.stream, listening.client))
        try:
            return await listening.to_the_end()
        finally:
            watcher.cancel()


async def _end_when_gone(stream: OpenStream, client: Client) -> None:
    await client.gone()
    stream.end("the client left")


@dataclass(slots=True)
class _Listening:
    gate: Gate
    tx: Transaction
    client: Client
    stream: OpenStream
    looked_at: float = 0.0
    fresh: bool = True

    async def to_the_end(self) -> Verdict | None:
        """The refusal that ended it; None where nothing was refused."""
        tx, client = self.tx, self.client
        assert tx.admitted is not None
        await client.open_stream()
        first = streams.first_message(tx.admitted)
        await (client.event(first) if first is not None else client.keep_alive())
        seen = await self._first_sight()
        while not self.stream.ended:
            woken = await self.stream.news(self._pause_s())
            if self.stream.ended or (refusal := self._refusal()) is not None:
                return None if self.stream.ended else refusal
            if woken:
                await asyncio.sleep(random.uniform(0, SPREAD_S))  # noqa: S311 - spreads load
            if streams.wants_tools(tx.admitted) and (woken or self._turned()):
                seen, before = await self._look(), seen
                if seen != before:
                    await client.event(streams.tools_changed(tx.admitted))
            elif not woken:
                await client.keep_alive()
        return None

    async def _first_sight(self) -> Sight:
        """What changed since an earlier stream of this session ended is told at once."""
        assert self.tx.admitted is not None
        before = self.stream.session.sight if self.stream.session is not None else None
        seen = await self._look()
        if before is not None and before != seen:
            await self.client.event(streams.tools_changed(self.tx.admitted))
        return seen

    async def _look(self) -> Sight:
        """What the caller would be shown now; the loop turns meanwhile."""
        gate, tx = self.gate, self.tx
        policy, now, age = gate.link.current(tx.server_id), gate.wall(), gate.link.lease_age(tx.server_id)
        self.looked_at, self.fresh = now, self._is_fresh()
        if policy is None:
            return NOTHING
        found = await gate.sights(tx.server_id).of(tx.call, Moment(policy, age, self.fresh, now))
        if self.stream.session is not None:
            self.stream.session.sight = found
        return found

    def _refusal(self) -> Verdict | None:
        """Whether the caller may no longer listen. An expired token is no refusal: the client comes with another."""
        gate, tx = self.gate, self.tx
        assert tx.facts is not None
        refused = refused_now(gate, tx.call, tx.facts)
        if refused is not None:
            return Verdict.of(refused)
        problem = token_problem(gate, tx)
        if problem is not None:
            self.stream.end(f"the token is not accepted any more: {problem.detail}")
        return None

    def _turned(self) -> bool:
        """Whether the time alone has changed what may be seen: a grant's window, the age of the news."""
        policy = self.gate.link.current(self.tx.server_id)
        if policy is None or self._is_fresh() != self.fresh:
            return True
        return policy.index.next_turn(self.looked_at) <= self.gate.wall()

    def _is_fresh(self) -> bool:
        policy, age = self.gate.link.current(self.tx.server_id), self.gate.link.lease_age(self.tx.server_id)
        return policy is not None and age is not None and age <= policy.index.snapshot.trust.stale_high_s

    def _pause_s(self) -> float:
        """To the next moment at which something could be another thing without anybody saying so."""
        policy, now = self.gate.link.current(self.tx.server_id), self.gate.wall()
        turns = policy.index.next_turn(now) - now if policy is not None else KEEP_ALIVE_S
        expires = (self.tx.call.caller.expires_at or now) + LEEWAY_S - now
        return max(0.05, min(KEEP_ALIVE_S, turns, expires))
