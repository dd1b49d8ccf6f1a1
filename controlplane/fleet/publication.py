"""saved → published → applied: what became of a change, told from the database and the enforcers' own signed word."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

from django.db.models import Max
from django.utils import timezone

from controlplane.fleet.convergence import Known, concerned, incident_applied, snapshot_applied, stops_by
from controlplane.fleet.convergence import published as is_published
from controlplane.fleet.heartbeats import heard
from controlplane.fleet.models import Confirmation, Enforcer
from controlplane.policy.models import Change, ChangedServer, Kind
from enforcer.contract.fleet import Heartbeat

SHOWN = 20
NOTED_WITHIN_S = 5.0  # a confirmation that has come and isn't noted by then won't be
KINDS = ((Kind.POLICY, snapshot_applied, "version"), (Kind.INCIDENT, incident_applied, "epoch"))


@dataclass(frozen=True, slots=True)
class Word:
    """One enforcer; `says` is its own word, or that it says nothing.

    `ms` is how long after the change it confirmed, where that was seen. One that has not confirmed stops by itself at
    `stops_by` at the latest, for want of a fresh lease.
    """

    enforcer_id: str
    applied: bool
    says: str
    ms: int | None = None
    stops_by: datetime | None = None


@dataclass(frozen=True, slots=True)
class Publication:
    """`settled` is when nothing more can be expected to happen by itself."""

    saved_at: datetime
    servers: int
    published: int
    errors: tuple[str, ...]
    words: tuple[Word, ...]
    known: bool
    heard_at: datetime

    @property
    def applied(self) -> int:
        """Enforcers that confirmed every part."""
        return sum(word.applied for word in self.words)

    @property
    def shown(self) -> tuple[Word, ...]:
        """Those that have not confirmed first, then the slowest."""
        return tuple(sorted(self.words, key=lambda word: (word.applied, -(word.ms or 0), word.enforcer_id)))[:SHOWN]

    @property
    def ms(self) -> int | None:
        """Until the last had confirmed; none while one has not, or where it was not seen."""
        seen = [word.ms for word in self.words]
        return max((ms for ms in seen if ms is not None), default=None) if None not in seen else None

    @property
    def settled(self) -> bool:
        """Published everywhere and applied by everybody, or refused."""
        done = self.published == self.servers and self.applied == len(self.words) and self.known
        return bool(self.errors) or done

    @property
    def told(self) -> bool:
        """Settled, and the milliseconds of everybody are noted as well, unless they won't be."""
        late = (timezone.now() - self.saved_at).total_seconds() > NOTED_WITHIN_S
        return self.settled and (bool(self.errors) or not self.words or self.ms is not None or late)


def publication(change_ids: Sequence[int]) -> Publication | None:
    """Of one or several changes that were saved together; nothing where there is none."""
    changes = list(Change.objects.filter(id__in=change_ids))
    if not changes:
        return None
    parts = list(ChangedServer.objects.filter(change__in=changes).select_related("change", "document"))
    wanted: dict[Kind, dict[str, int]] = {Kind.POLICY: {}, Kind.INCIDENT: {}}
    for part in parts:
        if part.document:
            wanted[Kind(part.change.kind)][part.server_id] = part.document.number
    enforcers = concerned({part.server_id: 0 for part in parts})
    beats, heard_at = heard(enforcers), timezone.now()
    asked = cache(is_published)  # most enforcers run on the same documents
    published = sum(part.document is not None for part in parts)
    saved_at = min(change.created_at for change in changes)
    ms = _milliseconds(changes, saved_at)
    return Publication(
        saved_at=saved_at,
        servers=len(parts),
        published=published,
        errors=tuple(f"{part.server_id}: {part.error}" for part in parts if part.error),
        words=tuple(_word(enforcer, (beats or {}).get(enforcer.id), wanted, ms, asked) for enforcer in enforcers)
        if published == len(parts)
        else tuple(Word(enforcer.id, applied=False, says="waits for the publisher") for enforcer in enforcers),
        known=beats is not None,
        heard_at=heard_at,
    )


def _milliseconds(changes: Sequence[Change], saved_at: datetime) -> dict[str, int]:
    """By enforcer, until it had confirmed the last of them."""
    rows = Confirmation.objects.filter(change__in=changes).values("enforcer_id").annotate(last=Max("at"))
    return {row["enforcer_id"]: round((row["last"] - saved_at).total_seconds() * 1000) for row in rows}


def _word(
    enforcer: Enforcer,
    beat: Heartbeat | None,
    wanted: Mapping[Kind, Mapping[str, int]],
    ms: Mapping[str, int],
    published: Known,
) -> Word:
    if beat is None:
        return _silent(enforcer, beat, wanted, "unknown: no heartbeat")
    behind: list[str] = []
    said: list[str] = []
    for server in enforcer.servers.all():
        state = beat.servers.get(server.id)
        for kind, holds, name in KINDS:
            number = wanted[kind].get(server.id)
            if number is None:
                continue
            if state is None or not holds(server.id, state, number, published):
                behind.append(server.id)
            else:
                runs_on = state.snapshot_version if kind == Kind.POLICY else state.incident_epoch
                said.append(f"{server.id} {name} {runs_on}")
    if behind:
        return _silent(enforcer, beat, wanted, f"not yet: {', '.join(behind)}")
    return Word(enforcer.id, applied=True, says=", ".join(said), ms=ms.get(enforcer.id))


def _silent(enforcer: Enforcer, beat: Heartbeat | None, wanted: Mapping[Kind, Mapping[str, int]], says: str) -> Word:
    servers = {id_ for numbers in wanted.values() for id_ in numbers}
    last = datetime.fromtimestamp(stops_by(enforcer, beat, servers), UTC)
    return Word(enforcer.id, applied=False, says=says, stops_by=last)
