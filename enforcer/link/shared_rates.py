"""Rates that all enforcers of a server count together, in the policy Redis (`10/minute shared`).

A window begins with its first call and ends a period later; of any call more than fit in one, none passes. Redis is
not believed further than this: the enforcer's own bucket of the same rate limits besides, so what Redis says can only
refuse more. What can't be counted has no room.
"""

import asyncio
import hashlib
import json
import logging
import time
from collections.abc import Mapping

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from enforcer.contract import redis_names
from enforcer.link.redis_in import Connect, end_if_cancelled
from enforcer.policy.call import Call
from enforcer.policy.index import SERVER_BUCKET
from enforcer.policy.rates import Rate, left_of_window

TIMEOUT_S = 0.25  # a call waits at most this long for a count, twice
PAUSE_S = 1.0  # after a failure, in which nothing is asked
AT_ONCE = 8  # connections

log = logging.getLogger(__name__)


class SharedRates:
    """One for the process."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._client: Redis | None = None
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._problem = ""
        self._again_at = 0.0

    def problem(self) -> str:
        """Why nothing can be counted just now; empty while it can."""
        return self._problem

    async def left(self, call: Call, rates: Mapping[str, Rate]) -> dict[str, float]:
        """Tokens before the call, by bucket name; none where the count is not to be had."""
        keys = [_key(call, name, rate) for name, rate in rates.items()]
        found = await self._ask([step for key in keys for step in (("GET", key), ("PTTL", key))])
        if found is None:
            return dict.fromkeys(rates, 0.0)
        pairs = zip(found[::2], found[1::2], strict=True)
        return {name: _left(rate, *pair) for (name, rate), pair in zip(rates.items(), pairs, strict=True)}

    async def take(self, call: Call, rates: Mapping[str, Rate]) -> bool:
        """Count the call in each of them; whether it fits in all. One that doesn't fit stays counted."""
        steps: list[tuple[str | int, ...]] = []
        for name, rate in rates.items():
            key = _key(call, name, rate)
            steps += [("INCR", key), ("PEXPIRE", key, int(rate.period_s * 1000), "NX")]
        found = await self._ask(steps)
        counts = found[::2] if found else []
        return len(counts) == len(rates) and all(
            isinstance(count, int) and 0 < count <= rate.count
            for count, rate in zip(counts, rates.values(), strict=True)
        )

    async def close(self) -> None:
        """Leave Redis."""
        if self._client is not None:
            await self._leave(self._client)

    async def _ask(self, steps: list[tuple[str | int, ...]]) -> list[object] | None:
        """The answers to all steps, taken together as one; none where there are none to be had in time."""
        if time.monotonic() < self._again_at:
            return None
        try:
            async with asyncio.timeout(TIMEOUT_S), self._turns:
                found = await self._once_more_on_a_new_connection(steps)
        except (RedisError, OSError, TimeoutError) as problem:
            await self._failed(problem)
            return None
        end_if_cancelled()
        self._problem = ""
        return found

    async def _once_more_on_a_new_connection(self, steps: list[tuple[str | int, ...]]) -> list[object]:
        """An idle connection may have been closed from the other side; counting twice only refuses more."""
        before = self._client
        if before is not None:
            try:
                return await self._together(before, steps)
            except (RedisConnectionError, OSError):
                await self._leave(before)
        if self._client is None:
            self._client = self._connect()
        return await self._together(self._client, steps)

    async def _leave(self, client: Redis) -> None:
        """Another call may have a new one already, which stays."""
        if self._client is client:
            self._client = None
        await client.aclose()

    @staticmethod
    async def _together(client: Redis, steps: list[tuple[str | int, ...]]) -> list[object]:
        async with client.pipeline(transaction=True) as pipeline:
            for step in steps:
                pipeline.execute_command(*step)
            return list(await pipeline.execute())

    async def _failed(self, problem: Exception) -> None:
        said = f"policy redis: {type(problem).__name__}"
        if said != self._problem:
            log.warning("shared rates can't be counted, what they limit is refused: %s: %s", said, problem)
        self._problem, self._again_at = said, time.monotonic() + PAUSE_S
        await self.close()


def _left(rate: Rate, counted: object, ends_in_ms: object) -> float:
    if counted is None:
        return float(rate.count)
    if not isinstance(counted, bytes) or not counted.isdigit() or len(counted) > 18 or not isinstance(ends_in_ms, int):
        return 0.0
    period_ms = rate.period_s * 1000
    ends_in_ms = ends_in_ms if 0 <= ends_in_ms <= period_ms else period_ms
    return left_of_window(rate, int(counted), ends_in_ms / 1000)


def _key(call: Call, name: str, rate: Rate) -> str:
    """Of a server's own bucket, or a caller's of a grant; another rate counts anew. Redis learns no names."""
    who = () if name == SERVER_BUCKET else (call.caller.issuer, call.caller.subject)
    text = json.dumps([name, rate.count, rate.period_s, *who])
    return redis_names.rate(call.server_id, hashlib.sha256(text.encode()).hexdigest()[:32])
