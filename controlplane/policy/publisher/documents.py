"""Changes → signed documents, one server at a time, under the row of that server."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from controlplane.common.errors import DomainError, InvalidState
from controlplane.incidents.compile import compile_incident, stopped
from controlplane.inventory.models import Server
from controlplane.policy.compile import compile_snapshot
from controlplane.policy.models import ChangedServer, Kind, Published, SignedDocument
from controlplane.policy.publisher.keys import KeyRing
from enforcer.contract.documents import Document, write
from enforcer.contract.envelope import MAX_BYTES, PayloadType, seal
from enforcer.contract.fleet import payload_hash
from enforcer.contract.keys import Role

RENEWED_AFTER = timedelta(days=15)  # half of a snapshot's life
# An edit may fill half of what an enforcer reads: what grew by itself, and what shrinks again, is published past that
LARGEST = {Kind.POLICY: MAX_BYTES - 64 * 1024, Kind.INCIDENT: 128 * 1024}
TYPES = {Kind.POLICY: PayloadType.SNAPSHOT, Kind.INCIDENT: PayloadType.INCIDENT}
ROLES = {Kind.POLICY: Role.POLICY, Kind.INCIDENT: Role.INCIDENT}


def waiting(kind: Kind, server_id: str | None = None) -> QuerySet[ChangedServer]:
    """The outbox of one kind (and server), oldest first."""
    found = ChangedServer.objects.filter(change__kind=kind, document__isnull=True, error="").order_by("id")
    return found if server_id is None else found.filter(server_id=server_id)


def due(generation: int, now: datetime) -> list[tuple[str, Kind]]:
    """What must be published though nobody changed it: missing, of an older generation, or past half its life."""
    found: list[tuple[str, Kind]] = []
    for kind, field in ((Kind.INCIDENT, "incident"), (Kind.POLICY, "snapshot")):
        missing = Q(**{f"published__{field}__isnull": True})
        older = Q(**{f"published__{field}__generation__lt": generation})
        aged = Q(**{f"published__{field}__renew_at__lte": now})
        ids = Server.objects.filter(missing | older | aged).order_by("id").values_list("id", flat=True)
        found += [(id_, kind) for id_ in ids]
    return found


@dataclass(frozen=True, slots=True)
class Outcome:
    """The document of one server, or why there is none and the last good one stays."""

    server_id: str
    document: SignedDocument | None
    problem: str = ""


def publish(server_ids: Iterable[str], kind: Kind, ring: KeyRing) -> list[Outcome]:
    """Compile, sign and commit the next version of each of these servers in one transaction.

    What another publisher did since somebody looked is left alone.
    """
    with consistent():
        wanted = set(server_ids) & _wanted(kind, ring.generation)
        return [_publish(server_id, kind, ring) for server_id in sorted(wanted)]


def _wanted(kind: Kind, generation: int) -> set[str]:
    changed = waiting(kind).values_list("server_id", flat=True)
    return {*changed, *(server_id for server_id, other in due(generation, timezone.now()) if other == kind)}


def _publish(server_id: str, kind: Kind, ring: KeyRing) -> Outcome:
    row = Published.objects.select_for_update().get_or_create(server_id=server_id)[0]
    changes = ChangedServer.objects.filter(id__in=list(waiting(kind, server_id).values_list("id", flat=True)))
    try:
        document = _next(row, kind, ring, timezone.now())
    except (DomainError, ValueError, TypeError, LookupError) as problem:
        sentence = str(problem)[:2000] or type(problem).__name__
        changes.update(error=sentence)
        return Outcome(server_id, None, sentence)
    document.save()
    setattr(row, _field(kind), document)
    row.save(update_fields=[_field(kind)])
    changes.update(document=document)
    return Outcome(server_id, document)


@contextmanager
def consistent() -> Iterator[None]:
    """A transaction whose reads all see one state, the newest; one publisher at a time is in it.

    On SQLite every transaction is that. PostgreSQL takes the state at the first statement that reads: a row locked by
    that statement may have changed since, which is an error there. `LOCK TABLE` reads nothing, so it comes first.
    """
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                cursor.execute(f"LOCK TABLE {Published._meta.db_table} IN SHARE ROW EXCLUSIVE MODE")
        yield


def _next(row: Published, kind: Kind, ring: KeyRing, now: datetime) -> SignedDocument:
    last: SignedDocument | None = getattr(row, _field(kind))
    number = last.number + 1 if last else 1
    server = Server.objects.select_related("trust_level").get(id=row.server_id)
    made = _compile(server, kind, number, ring, now)
    payload = write(made)
    envelope = seal(TYPES[kind], payload, [ring.signing[ROLES[kind]]]).decode()
    if len(envelope) > LARGEST[kind]:
        raise InvalidState("too_large", f"it has {len(envelope)} bytes; {LARGEST[kind]} are allowed")
    return SignedDocument(
        kind=kind,
        server_id=row.server_id,
        number=number,
        generation=made.generation,
        envelope=envelope,
        payload_hash=payload_hash(payload),
        renew_at=now + RENEWED_AFTER if kind == Kind.POLICY else None,
    )


def _compile(server: Server, kind: Kind, number: int, ring: KeyRing, now: datetime) -> Document:
    if kind == Kind.INCIDENT:
        made = compile_incident(server, epoch=number, generation=ring.generation, now=now)
        return made if len(write(made)) < LARGEST[kind] // 2 else stopped(made)
    return compile_snapshot(server, version=number, generation=ring.generation, now=now, token_keys=ring.token_keys)


def _field(kind: Kind) -> str:
    return "incident" if kind == Kind.INCIDENT else "snapshot"
