"""Signed documents from the policy Redis. Nothing read here is believed: it is offered, and verified there.

A hint on `changed:<server>` makes it look at once; without one it looks every second. Every connection starts with a
subscription and then a whole look, so that no hint falls between. Whatever goes wrong ends the connection; the next one
comes after a randomised pause.
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from enforcer.contract import redis_names
from enforcer.link.holdings import Holdings
from enforcer.link.hooks import Hooks
from enforcer.link.notes import Notes
from enforcer.link.state import Envelopes
from enforcer.link.verify import MAX_BYTES, Kind, Rejection

TIMEOUT_S = 1.0
TICK_S = 1.0
SILENCE_S = 2.5
MAX_PAUSE_S = 2.0
SMALL = (
    256 * 1024
)  # a snapshot up to this size is looked at with every tick, a larger one rarely or when a lease names it
RARELY = 10
MAX_ACK = 64 * 1024

Connect = Callable[[], Redis]


def connector(url: str, password_file: Path) -> Connect:
    """Makes clients of one Redis; the password is read anew for each, so that it can be rotated."""

    def connect() -> Redis:
        return Redis.from_url(
            url,
            password=password_file.read_text().strip(),
            protocol=2,  # no HELLO and no CLIENT SETINFO: the user has few rights
            driver_info=None,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            socket_keepalive=True,
            retry=Retry(NoBackoff(), 0),
        )

    return connect


def end_if_cancelled() -> None:
    """Raise the cancellation that `wait_for`, inside redis-py, may have swallowed (Python 3.11, cpython gh-86296)."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


class RedisIn:
    """One reader."""

    def __init__(
        self,
        connect: Connect,
        enforcer_id: str,
        server_ids: Sequence[str],
        holdings: Holdings,
        notes: Notes,
        hooks: Hooks,
    ) -> None:
        self._connect, self._servers, self._holdings = connect, tuple(server_ids), holdings
        self._notes, self._hooks, self._ack_name, self._ack = notes, hooks, redis_names.ack(enforcer_id), b""
        self._channels = {redis_names.changed(s).encode(): s for s in server_ids}
        self._heard = 0.0
        self._looks = 0

    async def run(self) -> None:
        """Read until cancelled."""
        failures = 0
        while True:
            end_if_cancelled()
            looks = self._looks
            try:
                await self._session()
            except (RedisError, OSError) as problem:
                failures = 1 if self._looks > looks else failures + 1
                self._notes.problem(None, f"policy redis: {type(problem).__name__}: {problem}")
            await asyncio.sleep(min(MAX_PAUSE_S, 0.05 * 2 ** min(failures, 10)) * random.uniform(0.5, 1))  # noqa: S311

    async def _session(self) -> None:
        async with self._connect() as client, client.pubsub() as hints:
            await hints.subscribe(*self._channels)
            self._heard = time.monotonic()
            changed: Iterable[str] = self._servers
            while True:
                await self._look(client, changed)
                changed = await self._next_hint(hints)

    async def _next_hint(self, hints: PubSub) -> Iterable[str]:
        """The servers to look at: those hinted at, or all of them when it is time."""
        await hints.ping()
        end_if_cancelled()
        until = time.monotonic() + TICK_S * random.uniform(0.8, 1.2)  # noqa: S311
        while (left := until - time.monotonic()) > 0:
            changed = await self._hinted(hints, left)
            if changed:
                while more := await self._hinted(hints, 0):
                    changed |= more
                return changed
        if time.monotonic() - self._heard > SILENCE_S:
            raise TimeoutError("the subscription is silent")
        return self._servers

    async def _hinted(self, hints: PubSub, timeout_s: float) -> set[str]:
        message = await hints.get_message(timeout=timeout_s)
        if message is None:
            return set()
        self._heard = time.monotonic()
        known = self._channels.get(message["channel"]) if message["type"] == "message" else None
        return {known} if known else set()

    async def _look(self, client: Redis, servers: Iterable[str]) -> None:
        self._looks += 1
        for server_id in servers:
            # The lease is read first: what it names was written before it.
            names = {
                Kind.LEASE: redis_names.lease(server_id),
                Kind.KEYS: redis_names.KEYS,
                Kind.INCIDENT: redis_names.incident(server_id),
            }
            await self._holdings.offer(server_id, await self._fetch(client, server_id, names), "redis")
            await self._look_at_snapshot(client, server_id)
        await self._look_at_ack(client)

    async def _look_at_snapshot(self, client: Redis, server_id: str) -> None:
        name = redis_names.snapshot(server_id)
        due = self._holdings.lacks_snapshot(server_id) or self._looks % RARELY == 0
        if due or not SMALL < await client.strlen(name) <= MAX_BYTES[Kind.SNAPSHOT]:
            await self._holdings.offer(server_id, await self._fetch(client, server_id, {Kind.SNAPSHOT: name}), "redis")

    async def _look_at_ack(self, client: Redis) -> None:
        if 0 < await client.strlen(self._ack_name) <= MAX_ACK:
            raw = await client.get(self._ack_name)
            if isinstance(raw, bytes) and raw != self._ack:
                self._ack = raw
                self._hooks.on_ack(raw)

    async def _fetch(self, client: Redis, server_id: str, names: Mapping[Kind, str]) -> Envelopes:
        """The values, each measured before it is read."""
        pipeline = client.pipeline(transaction=False)
        for name in names.values():
            pipeline.strlen(name)
        sizes: list[int] = await pipeline.execute()
        fitting = [kind for kind, size in zip(names, sizes, strict=True) if 0 < size <= MAX_BYTES[kind]]
        for kind, size in zip(names, sizes, strict=True):
            if size > MAX_BYTES[kind]:
                self._notes.rejected(server_id, Rejection(kind, f"larger than {MAX_BYTES[kind]} bytes"))
        for kind in fitting:
            pipeline.get(names[kind])
        values: list[bytes | None] = await pipeline.execute() if fitting else []
        return Envelopes(**dict(zip(fitting, values, strict=True)))
