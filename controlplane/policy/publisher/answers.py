"""What commands may ask the publisher for. Each answer is sealed to its asker; the row goes once it is read."""

import base64
import logging
import time
from collections.abc import Callable, Mapping
from datetime import timedelta

from django.utils import timezone

from controlplane.common.errors import DomainError, InvalidState
from controlplane.inventory.models import Server
from controlplane.policy.models import SigningRequest
from controlplane.policy.publisher import leases
from controlplane.policy.publisher.keys import KeyRing
from controlplane.principals.tokens import claims_of
from controlplane.receipts.services import head_hash
from enforcer.contract.args_hash import derive_server_key
from enforcer.contract.canonical import canonical
from enforcer.contract.keys import Role
from enforcer.contract.receipt import chain_head
from enforcer.contract.sealed import seal_answer
from enforcer.contract.strict_json import JsonObject
from enforcer.identity.tokens import sign_token

log = logging.getLogger(__name__)
KEPT = timedelta(seconds=60)
LONGEST_NONCE = 128


def answer_waiting(ring: KeyRing) -> None:
    """Answer every request that waits."""
    for row in SigningRequest.objects.filter(answer="", error="").order_by("created_at"):
        try:
            plain = canonical(_answer(row, ring))
            sealed = seal_answer(plain, reply_key=row.reply_key, request_id=str(row.pk))
            found = {"answer": sealed}
        except (DomainError, ValueError) as problem:
            log.warning("a request for %r was refused: %r", row.kind, str(problem))
            found = {"error": str(problem) or type(problem).__name__}
        SigningRequest.objects.filter(pk=row.pk).update(**found)


def forget_old() -> None:
    """Requests whose asker died."""
    SigningRequest.objects.filter(created_at__lt=timezone.now() - KEPT).delete()


def _answer(row: SigningRequest, ring: KeyRing) -> JsonObject:
    handler = _HANDLERS.get(row.kind)
    if handler is None:
        raise InvalidState("unknown_request", f"nothing of kind {row.kind!r} is signed")
    if not isinstance(row.params, dict):
        raise InvalidState("bad_request", "its parameters are no object")
    return handler(row.params, ring)


def _token(params: JsonObject, ring: KeyRing) -> JsonObject:
    """Claims come from the row that says who issued it, never from the request."""
    return {"token": sign_token(claims_of(_text(params, "jti")), ring.signing[Role.TOKEN])}


def _server_hmac(params: JsonObject, ring: KeyRing) -> JsonObject:
    server_id = _server(params)
    key_id, key = derive_server_key(ring.org_key, server_id)
    return {"key_id": key_id, "key": base64.b64encode(key).decode()}


def _server_hmacs(params: JsonObject, ring: KeyRing) -> JsonObject:
    """For an enforcer that registers itself: of all its servers at once."""
    ids = params.get("server_ids")
    if not isinstance(ids, list):
        raise InvalidState("bad_request", "server_ids is no list")
    return {str(id_): _server_hmac({"server_id": id_}, ring) for id_ in ids}


def _nonce_lease(params: JsonObject, ring: KeyRing) -> JsonObject:
    nonce = _text(params, "nonce")
    if len(nonce) > LONGEST_NONCE:
        raise InvalidState("bad_request", f"a nonce has at most {LONGEST_NONCE} characters")
    lease = leases.with_nonce(ring, time.time(), server_id=_server(params), nonce=nonce)
    if lease is None:
        raise InvalidState("not_published", "nothing is published for this server yet")
    return {"lease": lease}


def _chain_head(params: JsonObject, ring: KeyRing) -> JsonObject:
    chain_id, sequence = _text(params, "chain_id"), params.get("sequence")
    if not isinstance(sequence, int):
        raise InvalidState("bad_request", "sequence is no number")
    head = head_hash(chain_id, sequence)
    if head is None:
        raise InvalidState("no_such_head", "no chain is stored without a gap up to there")
    enforcer_id, receipt_hash = head
    line = chain_head(enforcer_id, chain_id, sequence, receipt_hash, ring.signing[Role.CHECKPOINT])
    return {"line": line.decode()}


_HANDLERS: Mapping[str, Callable[[JsonObject, KeyRing], JsonObject]] = {
    "token": _token,
    "server_hmac": _server_hmac,
    "server_hmacs": _server_hmacs,
    "nonce_lease": _nonce_lease,
    "chain_head": _chain_head,
}


def _text(params: JsonObject, name: str) -> str:
    value = params.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidState("bad_request", f"{name} is missing")
    return value


def _server(params: JsonObject) -> str:
    server_id = _text(params, "server_id")
    if not Server.objects.filter(id=server_id).exists():
        raise InvalidState("no_such_server", f"there is no server {server_id!r}")
    return server_id
