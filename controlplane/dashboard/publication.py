"""saved → published → applied: what became of a change, told from the database and the enforcers' own signed word."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from controlplane.fleet.convergence import concerned, incident_applied, snapshot_applied
from controlplane.fleet.heartbeats import heard
from controlplane.fleet.models import Enforcer
from controlplane.policy.models import Change, ChangedServer, Kind
from enforcer.contract.fleet import Heartbeat

SHOWN = 20
KINDS = ((Kind.POLICY, snapshot_applied, "version"), (Kind.INCIDENT, incident_applied, "epoch"))


@dataclass(frozen=True, slots=True)
class Word:
    """One enforcer; `says` is its own word, or that it says nothing."""

    enforcer_id: str
    applied: bool
    says: str


@dataclass(frozen=True, slots=True)
class Publication:
    """`settled` is when nothing more can be expected to happen by itself."""

    saved_at: datetime
    servers: int
    published: int
    errors: tuple[str, ...]
    words: tuple[Word, ...]
    known: bool

    @property
    def applied(self) -> int:
        """Enforcers that confirmed every part."""
        return sum(word.applied for word in self.words)

    @property
    def shown(self) -> tuple[Word, ...]:
        """Those that have not confirmed first."""
        return tuple(sorted(self.words, key=lambda word: (word.applied, word.enforcer_id)))[:SHOWN]

    @property
    def settled(self) -> bool:
        """Published everywhere and applied by everybody, or refused."""
        done = self.published == self.servers and self.applied == len(self.words) and self.known
        return bool(self.errors) or done


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
    beats = heard(enforcers)
    published = sum(part.document is not None for part in parts)
    return Publication(
        saved_at=min(change.created_at for change in changes),
        servers=len(parts),
        published=published,
        errors=tuple(f"{part.server_id}: {part.error}" for part in parts if part.error),
        words=tuple(_word(enforcer, (beats or {}).get(enforcer.id), wanted) for enforcer in enforcers)
        if published == len(parts)
        else tuple(Word(enforcer.id, applied=False, says="waits for the publisher") for enforcer in enforcers),
        known=beats is not None,
    )


def _word(enforcer: Enforcer, beat: Heartbeat | None, wanted: dict[Kind, dict[str, int]]) -> Word:
    if beat is None:
        return Word(enforcer.id, applied=False, says="unknown: no heartbeat")
    behind: list[str] = []
    said: list[str] = []
    for server in enforcer.servers.all():
        state = beat.servers.get(server.id)
        for kind, holds, name in KINDS:
            number = wanted[kind].get(server.id)
            if number is None:
                continue
            if state is None or not holds(server.id, state, number):
                behind.append(server.id)
            else:
                runs_on = state.snapshot_version if kind == Kind.POLICY else state.incident_epoch
                said.append(f"{server.id} {name} {runs_on}")
    return Word(
        enforcer.id, applied=not behind, says=", ".join(said) if not behind else f"not yet: {', '.join(behind)}"
    )
