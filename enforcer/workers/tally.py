"""What the workers count together: their questions answered from one set of buckets (DESIGN section 6)."""

import time

from enforcer.link.wire import Count, Counted
from enforcer.pipeline.buckets import Buckets
from enforcer.policy.call import NO_TOOL, Call, Caller
from enforcer.policy.rates import Rate, has_room


class Tally:
    """One for the link process; buckets don't outlive it."""

    def __init__(self) -> None:
        self._buckets = Buckets()

    def answer(self, asked: Count) -> Counted | None:
        """The answer, where there is one. Nothing is awaited here: two workers never get the same token."""
        call = Call("", asked.server_id, NO_TOOL, Caller(asked.subject, asked.issuer))
        rates = {name: Rate(number, period_s) for name, (number, period_s) in asked.rates.items()}
        if asked.act == "give_back":
            self._buckets.give_back(call, rates, rates)
            return None
        now = time.monotonic()
        left = self._buckets.left(call, rates, now)
        if asked.act != "take":
            return Counted(ask=asked.ask, left=left)
        taken = all(map(has_room, left.values()))
        if taken:
            self._buckets.take(call, rates, rates, now)
        return Counted(ask=asked.ask, taken=taken)
