"""One look at everything that somebody should be told of. Raises `DatabaseError`; a Redis that is away is a finding."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Min
from django.utils import timezone

from controlplane.fleet.heartbeats import heard
from controlplane.fleet.models import ACTIVE, Enforcer
from controlplane.incidents.compile import concerns, stopped_on
from controlplane.notices.kinds import KINDS
from controlplane.observability.leases import newest_age_s
from controlplane.observability.models import Pulse
from controlplane.observability.services import INGEST
from controlplane.policy.models import Published
from controlplane.receipts.chains import broken_chains, rolled_back
from controlplane.receipts.models import Chain, Conflict
from controlplane.receipts.verifying import newest
from enforcer.contract.fleet import Heartbeat

SIGNED_S = 10.0  # leases are signed each second
CONVERGED_S = 30.0  # from a signed incident state to everybody's word
NEWS_S = 30.0
PULSE_S = 15.0
RECENT = timedelta(hours=1)
A_DAY = timedelta(days=1)
TWO_DAYS = timedelta(days=2)
NEED_REDIS = frozenset({"kill_not_converged", "enforcer_silent", "policy_old"})

Key = tuple[str, str]  # kind, about


@dataclass(frozen=True, slots=True)
class Look:
    """`found`: what is so, with its text; `unknown`: kinds of which nobody can say."""

    found: Mapping[Key, str]
    unknown: frozenset[str] = frozenset()


def look() -> Look:
    """Now."""
    now = timezone.now()
    enforcers = list(Enforcer.objects.filter(ACTIVE).prefetch_related("servers").order_by("id"))
    beats = heard(enforcers)
    found = dict(_of_the_database(now))
    if beats is None:
        return Look({**found, ("redis_away", ""): KINDS["redis_away"].title}, NEED_REDIS)
    return Look({**found, **dict(_of_the_fleet(enforcers, beats, now))})


def _of_the_database(now: datetime) -> Iterator[tuple[Key, str]]:
    leases = list(Published.objects.exclude(lease="").values_list("lease", flat=True))
    if leases and (age := newest_age_s(leases, time.time())) > SIGNED_S:
        yield ("publisher_stopped", ""), f"The newest lease is {age:.0f} s old"
    pulse = Pulse.objects.filter(part=INGEST).values_list("at", flat=True).first()
    if pulse is not None and (quiet := (now - pulse).total_seconds()) > PULSE_S:
        yield ("ingest_stopped", ""), f"The ingest worker last beat {quiet:.0f} s ago"
    for enforcer_id, count in broken_chains().items():
        yield (
            ("chain_gap", enforcer_id),
            f"{count} of the chains of {enforcer_id} lack a receipt, or don't fit together",
        )
    for back in rolled_back(now - A_DAY):
        yield (
            ("journal_rolled_back", back.enforcer_id),
            f"{back.enforcer_id} goes on after receipt {back.sequence} of a chain of which more is stored",
        )
    yield from _of_the_verification(now)
    conflicts = Conflict.objects.filter(seen_at__gt=now - RECENT).order_by("enforcer_id")
    for enforcer_id in conflicts.values_list("enforcer_id", flat=True).distinct():
        yield ("receipt_conflict", enforcer_id), f"{enforcer_id} sent receipts for places that others have"


def _of_the_verification(now: datetime) -> Iterator[tuple[Key, str]]:
    last = newest()
    if last is not None and last.wrong:
        yield (
            ("receipts_not_verified", ""),
            f"On {last.day} {last.wrong} things were wrong, the first: {last.problems[0]}",
        )
    known_since = last.ended_at if last else Chain.objects.aggregate(first=Min("first_seen"))["first"]
    if known_since is not None and now - known_since > TWO_DAYS:
        yield ("verification_late", ""), f"Nothing was verified since {known_since:%Y-%m-%d %H:%M}"


def _of_the_fleet(
    enforcers: Sequence[Enforcer], beats: Mapping[str, Heartbeat], now: datetime
) -> Iterator[tuple[Key, str]]:
    for enforcer in enforcers:
        beat = beats.get(enforcer.id)
        if beat is None:
            if enforcer.last_seen_at is not None:
                yield (
                    ("enforcer_silent", enforcer.id),
                    f"{enforcer.id} was last heard of at {enforcer.last_seen_at:%H:%M:%S} UTC",
                )
            continue
        for server in enforcer.servers.all():  # what else a heartbeat names is nobody's
            state = beat.servers.get(server.id)
            if state is None or (state.lease_age_s is not None and state.lease_age_s <= NEWS_S):
                continue
            age = "no lease counts" if state.lease_age_s is None else f"its lease is {state.lease_age_s:.0f} s old"
            yield ("policy_old", f"{enforcer.id}/{server.id}"), f"{enforcer.id} has old news of {server.id}: {age}"
    yield from _unconfirmed(enforcers, beats, now)


def _unconfirmed(
    enforcers: Sequence[Enforcer], beats: Mapping[str, Heartbeat], now: datetime
) -> Iterator[tuple[Key, str]]:
    """Of each server, who doesn't say that it holds the newest incident state with nothing of it in flight."""
    newest = Published.objects.filter(incident__published_at__lt=now - timedelta(seconds=CONVERGED_S))
    numbers = dict(newest.values_list("server_id", "incident__number"))
    behind: dict[str, list[str]] = {}
    for enforcer in enforcers:
        if enforcer.last_seen_at is None:
            continue  # it never ran, so that there is nothing to stop
        said = beats[enforcer.id].servers if enforcer.id in beats else {}
        for server in enforcer.servers.all():
            state, number = said.get(server.id), numbers.get(server.id)
            held = state is not None and state.incident_epoch == number and not state.in_flight_matching
            if number is not None and not held:
                behind.setdefault(server.id, []).append(enforcer.id)
    for server_id, who in sorted(behind.items()):
        if not _stops_something(server_id, now):
            continue  # who lets go late endangers nobody
        shown = ", ".join(who[:5]) + (f" and {len(who) - 5} more" if len(who) > 5 else "")
        yield ("kill_not_converged", server_id), f"Not confirmed for {server_id} after {CONVERGED_S:.0f} s: {shown}"


def _stops_something(server_id: str, now: datetime) -> bool:
    state = stopped_on(server_id, now)
    people = state.revoked_principals or state.revoked_tokens or state.quarantined
    return bool(people or state.egress_blocked) or any(concerns(s.target, server_id) for s in state.kill_switches)
