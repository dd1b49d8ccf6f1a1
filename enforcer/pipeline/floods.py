"""Floods of messages from nobody: the first ones have a receipt each, what comes faster has one together, with a count.

Whoever has no token could fill the journal otherwise (RELIABILITY C26). Who shares a receipt waits for a second: it is
durable before the answer leaves, as any other.
"""

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

from enforcer.contract.strict_json import JsonObject
from enforcer.journal.store import Recorded
from enforcer.pipeline.transaction import Transaction
from enforcer.policy.rates import Bucket, Rate, has_room, take, tokens_left

OWN_RECEIPTS = Rate(100, 10.0)  # of a server and a reason: a hundred at once, and ten a second
GATHER_S = 1.0
MOST_SOURCES = 16
Key = tuple[str, tuple[str, ...]]


@dataclass(slots=True)
class Gathering:
    """Messages that share a receipt: that of the first. `sources`: how many came from where."""

    receipt_id: str
    written: "asyncio.Future[Recorded | None]"  # its receipt once that is durable, none where it can't be
    count: int = 0
    sources: Counter[str] = field(default_factory=Counter)

    def add(self, source: str) -> None:
        """One more. Where there are too many places, the rest is counted without one."""
        self.count += 1
        if source and (source in self.sources or len(self.sources) < MOST_SOURCES):
            self.sources[source] += 1

    def as_json(self) -> JsonObject:
        """`repeated` of the receipt."""
        return {"count": self.count, "sources": dict(self.sources)}


class Floods:
    """Of one gate. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._buckets: dict[Key, Bucket] = {}
        self._gathering: dict[Key, Gathering] = {}

    def join(self, tx: Transaction, now: float) -> Gathering | None:
        """The one that its receipt is shared with, itself counted; none where it has a receipt of its own."""
        if tx.caller is not None or tx.outcome is not None or tx.verdict is None or tx.verdict.result == "allow":
            return None
        key = (tx.server_id, tuple(map(str, tx.verdict.reasons)))
        found = self._gathering.get(key)
        if found is None:
            bucket = self._buckets.get(key)
            if has_room(tokens_left(OWN_RECEIPTS, bucket, now)):
                self._buckets[key] = take(OWN_RECEIPTS, bucket, now)
                return None
            found = self._gathering[key] = Gathering(tx.receipt_id, asyncio.get_running_loop().create_future())
        found.add(tx.request.peer)
        return found

    async def gathered(self, gathering: Gathering) -> None:
        """For the first: the others have come. Where the gate stops, those that are there are all."""
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(GATHER_S)
        for key, open_one in tuple(self._gathering.items()):
            if open_one is gathering:
                del self._gathering[key]
