"""Who has applied a change, and how fast: only an enforcer's own signed heartbeat counts, never what was wished."""

import time
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import redis
from django.conf import settings

from controlplane.common.errors import StackUnreachable
from controlplane.common.redis import connect, subscriber
from controlplane.fleet.heartbeats import fetch
from controlplane.fleet.models import ACTIVE, Enforcer
from controlplane.policy.models import Kind, SignedDocument
from enforcer.contract import redis_names
from enforcer.contract.fleet import Heartbeat, ServerState

POLL_S = 0.05
GONE_AFTER_S = 2.0  # without any heartbeat for that long, waiting more tells nothing
Holds = Callable[[str, ServerState, int], bool]  # server id, what its enforcer reports, the number that is wanted


@dataclass(frozen=True, slots=True)
class Confirmed:
    """It said so, so many milliseconds after the start."""

    enforcer_id: str
    ms: float


@dataclass(frozen=True, slots=True)
class Silent:
    """It did not. At `stops_by` (unix seconds) at the latest it stops for want of a fresh lease."""

    enforcer_id: str
    stops_by: float


@dataclass(frozen=True, slots=True)
class Convergence:
    """In the order in which it was seen."""

    confirmed: tuple[Confirmed, ...]
    silent: tuple[Silent, ...]
    ms: float

    @property
    def complete(self) -> bool:
        """Whether every enforcer that the change concerns has confirmed it."""
        return not self.silent


def published(kind: Kind, server_id: str, number: int, payload_hash: str) -> bool:
    """After a restore from backup an enforcer may run on a higher number that this database never gave out."""
    return SignedDocument.objects.filter(
        kind=kind, server_id=server_id, number=number, payload_hash=payload_hash
    ).exists()


Known = Callable[[Kind, str, int, str], bool]  # as `published`, perhaps one that remembers what it was asked


def snapshot_applied(server_id: str, state: ServerState, version: int, known: Known = published) -> bool:
    """Runs on that snapshot or a newer one, of those that this control plane has published."""
    newer = state.snapshot_version >= version
    return newer and known(Kind.POLICY, server_id, state.snapshot_version, state.snapshot_hash)


def incident_applied(server_id: str, state: ServerState, epoch: int, known: Known = published) -> bool:
    """Applied by every worker, and nothing that it stops is still in flight."""
    drained = state.incident_epoch >= epoch and state.in_flight_matching == 0
    return drained and known(Kind.INCIDENT, server_id, state.incident_epoch, state.incident_hash)


class Watch:
    """Subscribed before the change is made, so that no confirmation is missed: `with Watch().open() as watch`."""

    def __init__(self) -> None:
        if not settings.REDIS_URL:
            raise StackUnreachable("nobody said where Redis is (REDIS_URL); is the control plane up?")
        self._client = connect(settings.REDIS_URL)
        self._hints = subscriber(self._client)
        self._started = time.monotonic()

    def open(self) -> Self:
        """Subscribe and start the clock; raises `StackUnreachable`."""
        try:
            self._hints.psubscribe(redis_names.applied("*"))
        except redis.RedisError as problem:
            raise StackUnreachable(f"Redis can't be reached: {type(problem).__name__}") from None
        self._started = time.monotonic()
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None) -> None:
        self._hints.close()
        self._client.close()

    def wait(
        self, holds: Holds, wanted: Mapping[str, int], *, timeout_s: float, live_only: bool = False
    ) -> Convergence:
        """Until every enforcer of these servers reports the number or `timeout_s` is over.

        `live_only` leaves out those without a heartbeat: right for a change of policy, never for a stop.
        """
        pending = {e.id: e for e in concerned(wanted)}
        confirmed: list[Confirmed] = []
        beats: dict[str, Heartbeat] = {}
        gone_after = 0.0 if live_only else GONE_AFTER_S
        began = time.monotonic()
        while pending:
            beats.update(now := self._fetch(list(pending.values())))
            for id_ in [id_ for id_, beat in now.items() if _all_hold(pending[id_], beat, holds, wanted)]:
                confirmed.append(Confirmed(id_, self._ms()))
                del pending[id_]
            waited = time.monotonic() - began
            if waited >= timeout_s or (waited >= gone_after and not (pending.keys() & now.keys())):
                break
            self._hint()
        left = [e for e in pending.values() if e.id in beats or not live_only]
        silent = tuple(Silent(e.id, stops_by(e, beats.get(e.id), wanted)) for e in left)
        return Convergence(tuple(confirmed), silent, self._ms())

    def _ms(self) -> float:
        return (time.monotonic() - self._started) * 1000

    def _fetch(self, enforcers: list[Enforcer]) -> dict[str, Heartbeat]:
        try:
            return fetch(self._client, enforcers)
        except redis.RedisError:
            return {}

    def _hint(self) -> None:
        try:
            self._hints.get_message(timeout=POLL_S)
        except redis.RedisError:
            time.sleep(POLL_S)


def concerned(server_ids: Mapping[str, int]) -> list[Enforcer]:
    """Enrolled, not decommissioned, in front of one of these servers."""
    found = Enforcer.objects.filter(ACTIVE, servers__in=list(server_ids)).distinct().order_by("id")
    return list(found.prefetch_related("servers__trust_level"))


def _all_hold(enforcer: Enforcer, beat: Heartbeat, holds: Holds, wanted: Mapping[str, int]) -> bool:
    ids = {server.id for server in enforcer.servers.all()} & wanted.keys()
    return all(id_ in beat.servers and holds(id_, beat.servers[id_], wanted[id_]) for id_ in ids)


def stops_by(enforcer: Enforcer, beat: Heartbeat | None, wanted: Container[str]) -> float:
    """A lease that it may still hold was signed before it was last seen, and lasts as its trust levels say."""
    now = time.time()
    lasts = [s.trust_level.stale_all_s for s in enforcer.servers.all() if s.id in wanted]
    age = enforcer.last_lease_age_s if enforcer.last_seen_at else 0.0
    since = now - enforcer.last_seen_at.timestamp() if enforcer.last_seen_at else 0.0
    if beat is not None:
        known = [state.lease_age_s for id_, state in beat.servers.items() if id_ in wanted]
        age, since = min((a for a in known if a is not None), default=0.0), 0.0
    return max(now, now + max(lasts, default=0) - age - since)
