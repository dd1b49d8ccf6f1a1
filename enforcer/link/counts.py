"""Rates that the workers of one enforcer count together, in the link process. What can't be counted has no room."""

import asyncio
from collections.abc import Callable, Mapping
from itertools import count

from enforcer.link.wire import Count, Counted
from enforcer.policy.call import Call
from enforcer.policy.rates import Rate

TIMEOUT_S = 0.25  # a call waits at most this long for a count, twice


class Counts:
    """A worker's side. `send` takes a question to the link process; `answered` is given what comes back."""

    def __init__(self, send: Callable[[Count], None]) -> None:
        self._send = send
        self._waiting: dict[int, asyncio.Future[Counted]] = {}
        self._numbers = count(1)
        self._problem = ""

    def problem(self) -> str:
        """Why the last count was not to be had; empty if it was."""
        return self._problem

    def answered(self, answer: Counted) -> None:
        """What came too late counts for nothing."""
        waiting = self._waiting.get(answer.ask)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    async def left(self, call: Call, rates: Mapping[str, Rate]) -> dict[str, float]:
        """Tokens before the call, by bucket name; none where the count is not to be had."""
        answer = await self._ask("left", call, rates)
        return {name: answer.left.get(name, 0.0) if answer else 0.0 for name in rates}

    async def take(self, call: Call, rates: Mapping[str, Rate]) -> bool:
        """One token of each, or of none where one has no room."""
        answer = await self._ask("take", call, rates)
        return answer is not None and answer.taken

    def give_back(self, call: Call, rates: Mapping[str, Rate]) -> None:
        """What was taken a moment ago, for a call that is refused after all."""
        self._send(_question(next(self._numbers), "give_back", call, rates))

    async def _ask(self, act: str, call: Call, rates: Mapping[str, Rate]) -> Counted | None:
        number = next(self._numbers)
        waiting = self._waiting[number] = asyncio.get_running_loop().create_future()
        self._send(_question(number, act, call, rates))
        try:
            async with asyncio.timeout(TIMEOUT_S):
                found: Counted = await waiting
        except TimeoutError:
            self._problem = "the link process does not answer"
            return None
        finally:
            del self._waiting[number]
        self._problem = ""
        return found


def _question(number: int, act: str, call: Call, rates: Mapping[str, Rate]) -> Count:
    return Count(
        ask=number,
        act=act,
        server_id=call.server_id,
        issuer=call.caller.issuer,
        subject=call.caller.subject,
        rates={name: (rate.count, rate.period_s) for name, rate in rates.items()},
    )
