"""What this enforcer really runs on, signed with its own key: every second, and at once when something changed.

Only what is applied is reported, never what was fetched; a kill is confirmed when nothing that matches is in flight.
"""

import asyncio
import random
import secrets
import time
from collections.abc import Sequence

from redis.asyncio import Redis
from redis.exceptions import RedisError

from enforcer.contract import redis_names, times
from enforcer.contract.documents import SCHEMA, signed
from enforcer.contract.envelope import PayloadType
from enforcer.contract.fleet import Heartbeat, ServerState
from enforcer.contract.keys import SigningKey
from enforcer.link.holdings import Holdings
from enforcer.link.hooks import Hooks
from enforcer.link.notes import Notes
from enforcer.link.redis_in import Connect, end_if_cancelled

EVERY_S = 1.0
DRAIN_LOOK_S = 0.02
LIFE_S = 10
MAX_PAUSE_S = 2.0


class Beats:
    """Makes and sends heartbeats. `changed` asks for one at once."""

    def __init__(
        self,
        connect: Connect,
        key: SigningKey,
        enforcer_id: str,
        server_ids: Sequence[str],
        holdings: Holdings,
        notes: Notes,
        hooks: Hooks,
    ) -> None:
        self._connect, self._key, self._enforcer_id, self._servers = connect, key, enforcer_id, tuple(server_ids)
        self._holdings, self._notes, self._hooks = holdings, notes, hooks
        self._boot_nonce, self._counter = secrets.token_hex(16), 0
        self.changed = asyncio.Event()

    async def run(self) -> None:
        """Beat until cancelled."""
        failures = 0
        while True:
            end_if_cancelled()
            beats = self._counter
            try:
                async with self._connect() as client:
                    while True:
                        await self._send(client)
                        end_if_cancelled()
                        await self._wait()
            except (RedisError, OSError) as problem:
                failures = 1 if self._counter > beats + 1 else failures + 1
                self._notes.problem(None, f"heartbeat: {type(problem).__name__}: {problem}")
            await asyncio.sleep(min(MAX_PAUSE_S, 0.1 * 2 ** min(failures, 10)) * random.uniform(0.5, 1))  # noqa: S311

    async def _send(self, client: Redis) -> None:
        self.changed.clear()
        pipeline = client.pipeline(transaction=False)
        pipeline.set(redis_names.heartbeat(self._enforcer_id), self.envelope(), ex=LIFE_S)
        pipeline.publish(redis_names.applied(self._enforcer_id), b"")
        await pipeline.execute()

    async def _wait(self) -> None:
        """Until the next second, a change, or the end of the last call that a kill stopped."""
        until = time.monotonic() + EVERY_S
        draining = self._draining()
        while (left := until - time.monotonic()) > 0:
            if draining and not self._draining():
                return
            try:
                async with asyncio.timeout(min(left, DRAIN_LOOK_S) if draining else left):
                    await self.changed.wait()
                return
            except TimeoutError:
                continue

    def _draining(self) -> bool:
        return any(self._hooks.in_flight_matching(s) for s in self._servers)

    def envelope(self) -> bytes:
        """The next heartbeat."""
        self._counter += 1
        heartbeat = Heartbeat(
            schema=SCHEMA,
            generation=self._holdings.generation(),
            issued_at=times.to_text(time.time()),
            enforcer_id=self._enforcer_id,
            boot_nonce=self._boot_nonce,
            counter=self._counter,
            servers={server_id: self._state(server_id) for server_id in self._servers},
            journal_depth=self._hooks.journal_depth(),
            warnings=tuple(self._hooks.warnings()),
        )
        return signed(heartbeat, PayloadType.HEARTBEAT, self._key)

    def _state(self, server_id: str) -> ServerState:
        found, age = self._holdings.current(server_id), self._holdings.lease_age(server_id)
        snapshot_hash, incident_hash = self._holdings.hashes(server_id)
        calls, sessions = self._hooks.under_way(server_id)
        state = ServerState(
            snapshot_version=found.index.snapshot.version if found else 0,
            incident_epoch=found.incident.epoch if found else 0,
            in_flight_matching=self._hooks.in_flight_matching(server_id),
            lease_age_s=None if age is None else round(age, 3),
            problems=self._notes.shown(server_id),
            snapshot_hash=snapshot_hash,
            incident_hash=incident_hash,
            calls_in_flight=calls,
            sessions=sessions,
        )
        return self._hooks.slowest(server_id, state)
