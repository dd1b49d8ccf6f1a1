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
from controlplane.receipts.services import head_hashes
from enforcer.contract.args_hash import derive_server_key
from enforcer.contract.canonical import canonical
from enforcer.contract.export import MAX_STRETCH
from enforcer.contract.keys import Role
from enforcer.contract.receipt import chain_head
from enforcer.contract.sealed import seal_answer
from enforcer.contract.strict_json import JsonObject, JsonValue
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


def _chain_heads(params: JsonObject, ring: KeyRing) -> JsonObject:
    """Of stretches of one chain, in their order; a first sequence of 0 is not told."""
    chain_id, asked = _text(params, "chain_id"), params.get("stretches")
    if not isinstance(asked, list) or len(asked) > MAX_STRETCH:
        raise InvalidState("bad_request", f"stretches is no list of at most {MAX_STRETCH}")
    stretches = [_ends(each) for each in asked]
    enforcer_id, hashes = head_hashes(chain_id, [last for _, last in stretches])
    key, lines = ring.signing[Role.CHECKPOINT], list[JsonValue]()
    for first, last in stretches:
        if last not in hashes:
            raise InvalidState("no_such_head", "no chain is stored without a gap up to there")
        lines.append(chain_head(enforcer_id, chain_id, last, hashes[last], key, first=first or None).decode())
    return {"lines": lines}


def _ends(value: JsonValue) -> tuple[int, int]:
    if isinstance(value, list) and len(value) == 2:
        first, last = value
        if isinstance(first, int) and isinstance(last, int) and 0 <= first <= last:
            return first, last
    raise InvalidState("bad_request", "a stretch is no pair of numbers in their order")


_HANDLERS: Mapping[str, Callable[[JsonObject, KeyRing], JsonObject]] = {
    "token": _token,
    "server_hmac": _server_hmac,
    "server_hmacs": _server_hmacs,
    "nonce_lease": _nonce_lease,
    "chain_heads": _chain_heads,
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
