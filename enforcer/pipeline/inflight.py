"""Messages that were sent and have no answer yet: what a kill cancels, and what a confirmation waits for."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from enforcer.policy.call import Call
from enforcer.policy.decision import Decision, Facts


@dataclass(slots=True, eq=False)
class Flight:
    """One message in flight. `stopped` is the decision that ended it, once there is one."""

    call: Call
    facts: Facts
    task: asyncio.Task[object]
    upstream_id: str
    is_stream: bool = False
    stopped: Decision | None = None
    abandoned: bool = False
    answered: bool = False

    def stop(self, decision: Decision) -> None:
        """Cancel it because policy no longer allows it; the first reason stays."""
        if self.stopped is None and not self.answered:
            self.stopped = decision
            self.task.cancel()

    def abandon(self) -> None:
        """Cancel it because its client is gone or has cancelled it."""
        if not self.over and not self.answered:
            self.abandoned = True
            self.task.cancel()

    def end(self) -> None:
        """What came of it is known: from here on nothing may cancel the writing of its receipt."""
        self.answered = True
        while self.over and self.task.cancelling():
            self.task.uncancel()

    @property
    def over(self) -> bool:
        """Whether it was cancelled, by policy or by its client."""
        return self.abandoned or self.stopped is not None


@dataclass(slots=True)
class Flights:
    """Everything in flight in this process."""

    _all: set[Flight] = field(default_factory=set)

    def enter(self, flight: Flight) -> None:
        """It is about to be sent."""
        self._all.add(flight)

    def leave(self, flight: Flight) -> None:
        """Its receipt is written."""
        self._all.discard(flight)

    def abandon(self, upstream_id: str) -> None:
        """Its client has cancelled the one that went upstream under this id."""
        for flight in self._all:
            if flight.upstream_id == upstream_id:
                flight.abandon()

    def stop_refused(self, server_id: str, judge: Callable[[Call, Facts], Decision | None]) -> None:
        """Cancel everything of a server that `judge` refuses now."""
        for flight in [f for f in self._all if f.call.server_id == server_id]:
            decision = judge(flight.call, flight.facts)
            if decision is not None:
                flight.stop(decision)

    def count(self, server_id: str) -> int:
        """How many messages of a server there are, besides streams; from any thread."""
        return sum(1 for f in tuple(self._all) if f.call.server_id == server_id and not f.is_stream)

    def stopping(self, server_id: str) -> int:
        """How much of what was stopped has not ended yet."""
        return sum(1 for f in self._all if f.call.server_id == server_id and f.stopped is not None)
