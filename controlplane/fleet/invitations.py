"""Enforcers that register themselves from another host: a code lets one do so, once, and its secrets stay there."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from controlplane.common.actor import Actor, Right
from controlplane.common.errors import InvalidState
from controlplane.common.services import service
from controlplane.fleet.models import Invitation
from controlplane.fleet.services import Hashes, check_enrolment, enroll
from controlplane.receipts.services import record_admin_receipt
from enforcer.contract.keys import PublicKey
from enforcer.contract.strict_json import JsonObject

PREFIX = "dbe_"
LIFE = timedelta(minutes=15)
REFUSED = "the code is not one, is used, or has expired; make a new one with enroll --remote"


@dataclass(frozen=True, slots=True)
class Registration:
    """What an enforcer says of itself: its key, and hashes of the passwords that it chose."""

    enforcer_id: str
    public_key: PublicKey
    redis_password_sha256: str
    broker_password_sha256: str


@service(Right.MANAGE_FLEET)
def invite(*, enforcer_id: str, server_ids: Sequence[str], rotate: bool, actor: Actor) -> str:
    """The code, which is kept as a hash alone; raises what `enroll` would."""
    check_enrolment(enforcer_id=enforcer_id, server_ids=server_ids, rotate=rotate)
    code = PREFIX + secrets.token_urlsafe(32)
    Invitation.objects.filter(enforcer_id=enforcer_id, used_by="").delete()  # one at a time
    Invitation.objects.create(
        code_sha256=_sha256(code),
        enforcer_id=enforcer_id,
        servers=list(server_ids),
        rotates=rotate,
        invited_by=actor.name,
        expires_at=timezone.now() + LIFE,
    )
    detail: JsonObject = {"enforcer_id": enforcer_id, "servers": list(server_ids), "rotate": rotate}
    record_admin_receipt(actor=actor.name, action="enforcer.invite", detail=detail)
    return code


def register(*, code: str, who: Registration) -> tuple[str, ...]:
    """Enrol whoever holds the code; its servers. The same key may ask again: an answer can be lost.

    Raises `InvalidState`, which says the same of every code that doesn't hold.
    """
    row = Invitation.objects.filter(code_sha256=_sha256(code)).first()
    if row is None or row.enforcer_id != who.enforcer_id or row.expires_at <= timezone.now():
        raise InvalidState("enrolment_code", REFUSED)
    if row.used_by != who.public_key.keyid:
        _enrol(pk=row.pk, who=who, actor=Actor(row.invited_by, frozenset({Right.MANAGE_FLEET})))
    return tuple(row.servers)


@service(Right.MANAGE_FLEET)
def _enrol(*, pk: int, who: Registration, actor: Actor) -> None:
    row = Invitation.objects.select_for_update().get(pk=pk)
    if row.used_by:
        raise InvalidState("enrolment_code", REFUSED)
    hashes = Hashes(who.public_key, who.redis_password_sha256, who.broker_password_sha256)
    enroll(enforcer_id=row.enforcer_id, server_ids=row.servers, credentials=hashes, rotate=row.rotates, actor=actor)
    row.used_by = who.public_key.keyid
    row.save(update_fields=["used_by"])


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
