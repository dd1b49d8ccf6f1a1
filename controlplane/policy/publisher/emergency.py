"""What was switched while the database was away, taken into it before anything else is published.

The signed states that enforcers have run on since become documents like any other, so the next number is above theirs:
a state without the emergency's switch can't overtake it.
"""

import logging
from contextlib import suppress
from pathlib import Path

from django.db import transaction

from controlplane.common.errors import DomainError
from controlplane.incidents import spool
from controlplane.incidents.services import adopt_emergency
from controlplane.incidents.spool import Act
from controlplane.inventory.models import Server
from controlplane.policy.models import Kind, Published, SignedDocument
from controlplane.policy.publisher.keys import KeyRing
from enforcer.contract.documents import DocumentError, read
from enforcer.contract.envelope import EnvelopeError, PayloadType, unseal
from enforcer.contract.fleet import payload_hash
from enforcer.contract.incident import Incident
from enforcer.contract.keys import Role

log = logging.getLogger(__name__)


def adopt(ring: KeyRing, keys_dir: Path) -> None:
    """Everything that lies there, in its order. What can't be read is moved aside, and stops nothing."""
    for path, act in spool.kept(keys_dir):
        if act is None:
            log.error("%s can't be read: what was switched by it has to be switched again", path)
            with suppress(OSError):
                path.rename(path.with_suffix(".bad"))
            continue
        with transaction.atomic():
            for server_id, envelope in act.documents.items():
                _take(server_id, envelope, ring)
            _switch(act)
        path.unlink(missing_ok=True)
        log.warning("%s of the emergency was taken into the database: %s", act.id, act.target)


def _take(server_id: str, envelope: str, ring: KeyRing) -> None:
    server = Server.objects.filter(id=server_id).first()
    try:
        payload = unseal(envelope.encode(), PayloadType.INCIDENT, ring.key_list.of(Role.INCIDENT))
        incident = read(payload, Incident)
    except (EnvelopeError, DocumentError) as problem:
        log.error("an incident state of the emergency is not taken over: %r: %s", server_id, problem)
        return
    if server is None or incident.server_id != server_id:
        log.error("an incident state of the emergency is of no server: %r", server_id)
        return
    row = Published.objects.select_for_update().get_or_create(server=server)[0]
    last = row.incident
    if last is not None and (last.generation, last.number) >= incident.order:
        return
    document = SignedDocument.objects.create(
        kind=Kind.INCIDENT,
        server=server,
        number=incident.epoch,
        generation=incident.generation,
        envelope=envelope,
        payload_hash=payload_hash(payload),
    )
    row.incident = document
    row.save(update_fields=["incident"])


def _switch(act: Act) -> None:
    try:
        adopt_emergency(act=act)
    except DomainError as problem:  # a server that is gone meanwhile, say
        log.error("%s of the emergency can't be taken over: %s", act.id, problem)
