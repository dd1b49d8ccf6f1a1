"""Who has applied the states of an emergency: as `convergence`, without the database."""

import time
from collections.abc import Mapping

import redis

from controlplane.common.redis import connect
from controlplane.fleet.convergence import Confirmed, Convergence, Silent
from controlplane.fleet.heartbeats import fetch
from controlplane.fleet.roll import Known
from enforcer.contract.fleet import Heartbeat

POLL_S = 0.01
Wanted = Mapping[str, tuple[int, str]]  # server → epoch, payload hash


def wait(redis_url: str, known: list[Known], wanted: Wanted, *, since: float, timeout_s: float) -> Convergence:
    """Until every enforcer of these servers reports the state or a newer one with nothing in flight.

    `since` is when the act began, monotonic seconds.
    """
    client = connect(redis_url)
    pending = {one.id: one for one in known if one.lasts.keys() & wanted.keys()}
    confirmed: list[Confirmed] = []
    beats: dict[str, Heartbeat] = {}
    try:
        while pending and time.monotonic() - since < timeout_s:
            beats |= _beats(client, list(pending.values()))
            for id_ in [id_ for id_, one in pending.items() if id_ in beats and _holds(one, beats[id_], wanted)]:
                confirmed.append(Confirmed(id_, (time.monotonic() - since) * 1000))
                del pending[id_]
            time.sleep(POLL_S if pending else 0)
    finally:
        client.close()
    silent = tuple(Silent(one.id, _stops_by(one, beats.get(one.id), wanted)) for one in pending.values())
    return Convergence(tuple(confirmed), silent, (time.monotonic() - since) * 1000)


def _beats(client: redis.Redis, known: list[Known]) -> dict[str, Heartbeat]:
    try:
        return fetch(client, known)
    except redis.RedisError:
        return {}


def _holds(one: Known, beat: Heartbeat, wanted: Wanted) -> bool:
    states = [(beat.servers.get(id_), *wanted[id_]) for id_ in one.lasts.keys() & wanted.keys()]
    return all(
        state is not None
        and (state.incident_epoch > epoch or (state.incident_epoch, state.incident_hash) == (epoch, digest))
        and state.in_flight_matching == 0
        for state, epoch, digest in states
    )


def _stops_by(one: Known, beat: Heartbeat | None, wanted: Wanted) -> float:
    """Unix seconds at which it has no lease any more, at the latest: nobody signs new ones without the database."""
    ages = [s.lease_age_s for id_, s in beat.servers.items() if id_ in wanted] if beat else []
    age = min((age for age in ages if age is not None), default=0.0)
    return time.time() + max((lasts for id_, lasts in one.lasts.items() if id_ in wanted), default=0) - age
