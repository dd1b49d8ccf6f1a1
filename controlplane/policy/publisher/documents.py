"""Changes → signed documents, one server at a time, under the row of that server."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from controlplane.common.errors import DomainError, InvalidState
from controlplane.incidents.compile import compile_incident
from controlplane.inventory.models import Server
from controlplane.policy.compile import compile_snapshot
from controlplane.policy.models import ChangedServer, Kind, Published, SignedDocument
from controlplane.policy.publisher.keys import KeyRing
from enforcer.contract.documents import Document, write
from enforcer.contract.envelope import MAX_BYTES, PayloadType, seal
from enforcer.contract.fleet import payload_hash
from enforcer.contract.keys import Role

log = logging.getLogger(__name__)
RENEWED_AFTER = timedelta(days=15)  # half of a snapshot's life
LARGEST = MAX_BYTES // 2  # an enforcer refuses MAX_BYTES; what is close to that is not sent out
TYPES = {Kind.POLICY: PayloadType.SNAPSHOT, Kind.INCIDENT: PayloadType.INCIDENT}
ROLES = {Kind.POLICY: Role.POLICY, Kind.INCIDENT: Role.INCIDENT}


def waiting(kind: Kind) -> QuerySet[ChangedServer]:
    """The outbox of one kind, oldest first."""
    return ChangedServer.objects.filter(change__kind=kind, document__isnull=True, error="").order_by("id")


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


def publish(server_id: str, kind: Kind, ring: KeyRing) -> SignedDocument | None:
    """Compile, sign and commit the next version; None where it can't be compiled, and the last good one stays."""
    with consistent():
        row = Published.objects.select_for_update().get_or_create(server_id=server_id)[0]
        changes = list(waiting(kind).filter(server_id=server_id).values_list("id", flat=True))
        try:
            document = _next(row, kind, ring, timezone.now())
        except (DomainError, ValueError, TypeError, LookupError) as problem:
            log.error("%s of %s can't be compiled: %r", kind, server_id, str(problem))
            ChangedServer.objects.filter(id__in=changes).update(error=str(problem)[:2000] or type(problem).__name__)
            return None
        document.save()
        setattr(row, _field(kind), document)
        row.save(update_fields=[_field(kind)])
        ChangedServer.objects.filter(id__in=changes).update(document=document)
    log.info("%s published", document)
    return document


@contextmanager
def consistent() -> Iterator[None]:
    """A transaction whose reads all see one state; on SQLite every transaction is the only writer anyway."""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


def _next(row: Published, kind: Kind, ring: KeyRing, now: datetime) -> SignedDocument:
    last: SignedDocument | None = getattr(row, _field(kind))
    number = last.number + 1 if last else 1
    server = Server.objects.select_related("trust_level").get(id=row.server_id)
    made = _compile(server, kind, number, ring, now)
    payload = write(made)
    envelope = seal(TYPES[kind], payload, [ring.signing[ROLES[kind]]]).decode()
    if len(envelope) > LARGEST:
        raise InvalidState("too_large", f"it has {len(envelope)} bytes; {LARGEST} are allowed")
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
        return compile_incident(server, epoch=number, generation=ring.generation, now=now)
    return compile_snapshot(server, version=number, generation=ring.generation, now=now, token_keys=ring.token_keys)


def _field(kind: Kind) -> str:
    return "incident" if kind == Kind.INCIDENT else "snapshot"
