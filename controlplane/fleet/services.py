"""The only writer of enforcers."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils import timezone

from controlplane.common.actor import Actor, Right
from controlplane.common.errors import Conflict, InvalidState
from controlplane.common.services import service
from controlplane.fleet.models import Enforcer
from controlplane.inventory.models import Server
from controlplane.receipts.services import OWN_ID, record_admin_receipt
from enforcer.contract.keys import PublicKey
from enforcer.contract.strict_json import JsonObject
from enforcer.contract.targets import ID


@dataclass(frozen=True, slots=True)
class Hashes:
    """What the enforcer will prove itself with, as it is kept: SHA-256 of its passwords, as Redis takes them."""

    public_key: PublicKey
    redis_password_sha256: str
    broker_password_sha256: str


def credentials(*, public_key: PublicKey, redis_password: str, broker_password: str) -> Hashes:
    """Of passwords that are at hand."""
    return Hashes(public_key, _sha256(redis_password), _sha256(broker_password))


@service(Right.MANAGE_FLEET)
def enroll(*, enforcer_id: str, server_ids: Sequence[str], credentials: Hashes, rotate: bool, actor: Actor) -> Enforcer:
    """Create it, or with `rotate` give it new credentials and servers; raises `Conflict` and `InvalidState`."""
    check_enrolment(enforcer_id=enforcer_id, server_ids=server_ids, rotate=rotate)
    row = Enforcer.objects.select_for_update().filter(id=enforcer_id).first() or Enforcer(
        id=enforcer_id, wanted_users=0
    )
    row.public_key = credentials.public_key.text
    row.redis_password_sha256 = credentials.redis_password_sha256
    row.broker_password_sha256 = credentials.broker_password_sha256
    row.wanted_users += 1
    row.decommissioned_at = None
    row.save()
    row.servers.set(Server.objects.filter(id__in=server_ids))
    record_admin_receipt(
        actor=actor.name,
        action="enforcer.rotate" if rotate else "enforcer.enroll",
        detail={"enforcer_id": enforcer_id, "servers": list(server_ids), "keyid": credentials.public_key.keyid},
    )
    return row


def check_enrolment(*, enforcer_id: str, server_ids: Sequence[str], rotate: bool) -> None:
    """Raises what `enroll` would, before anything is written."""
    if not ID.fullmatch(enforcer_id) or enforcer_id == OWN_ID:
        raise InvalidState("ENFORCER_ID", f"{enforcer_id!r} is no free id; write lower-case letters, digits, - and _")
    there = Enforcer.objects.filter(id=enforcer_id).exists()
    if there and not rotate:
        raise Conflict("ENFORCER_ID", f"{enforcer_id} is enrolled; add --rotate to give it new credentials")
    if rotate and not there:
        raise InvalidState("--rotate", f"{enforcer_id} is not enrolled; leave --rotate out")
    known = set(Server.objects.filter(id__in=server_ids, retired=False).values_list("id", flat=True))
    for server_id in server_ids:
        if server_id not in known:
            raise InvalidState("--server", f"there is no server {server_id!r}; apply a policy that declares it")


@service(Right.MANAGE_FLEET)
def decommission(*, enforcer_id: str, actor: Actor, reason: str = "") -> bool:
    """It no longer counts in convergence, and its Redis users go; its receipts are still taken. Whether it was active.

    Raises `InvalidState` where there is no such enforcer.
    """
    row = Enforcer.objects.select_for_update().filter(id=enforcer_id).first()
    if row is None:
        raise InvalidState("ENFORCER_ID", f"there is no enforcer {enforcer_id!r}")
    if row.decommissioned_at is not None:
        return False
    row.decommissioned_at = timezone.now()
    row.save(update_fields=["decommissioned_at"])
    detail: JsonObject = {"enforcer_id": enforcer_id, "reason": reason}
    record_admin_receipt(actor=actor.name, action="enforcer.decommission", detail=detail)
    return True


def users_made(*, enforcer: Enforcer, counter: str) -> None:
    """By the publisher: an instance has the user as of `enforcer.wanted_users`."""
    Enforcer.objects.filter(id=enforcer.id, wanted_users=enforcer.wanted_users).update(
        **{counter: enforcer.wanted_users}
    )


def has_users(enforcer_id: str) -> bool:
    """Whether the enforcer can sign in at both instances."""
    row = Enforcer.objects.get(id=enforcer_id)
    return row.policy_users == row.broker_users == row.wanted_users


def _sha256(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()
