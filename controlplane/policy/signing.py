"""How commands get something signed: they write a row, and the publisher, alone in holding keys, answers it."""

import base64
import time
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from django.db import connection

from controlplane.common.errors import InvalidState, StackUnreachable
from controlplane.policy.models import SigningRequest
from controlplane.policy.wake import wake
from enforcer.contract.sealed import open_answer
from enforcer.contract.strict_json import JsonObject, parse_object

POLL_S = 0.01


@dataclass(frozen=True, slots=True)
class Sealed:
    """An answer that only the holder of the reply key opens, who needs the id of the request for it."""

    request_id: str
    answer: str


def ask(kind: str, params: JsonObject, timeout_s: float = 10.0) -> JsonObject:
    """The publisher's answer. Raises `InvalidState` where it refuses, `StackUnreachable` where it doesn't answer."""
    private = X25519PrivateKey.generate()
    reply_key = base64.b64encode(private.public_key().public_bytes_raw()).decode()
    found = ask_for(kind, params, reply_key=reply_key, timeout_s=timeout_s)
    return parse_object(open_answer(found.answer, private=private, request_id=found.request_id))


def ask_for(kind: str, params: JsonObject, *, reply_key: str, timeout_s: float = 10.0) -> Sealed:
    """The same for somebody else, whose key it is; raises as `ask`."""
    if connection.in_atomic_block:
        raise RuntimeError("the publisher can't see a request before it is committed")
    row = SigningRequest.objects.create(kind=kind, params=params, reply_key=reply_key)
    wake()
    try:
        answer = _answer(row, time.monotonic() + timeout_s)
    finally:
        SigningRequest.objects.filter(pk=row.pk).delete()
    return Sealed(str(row.pk), answer)


def _answer(row: SigningRequest, deadline: float) -> str:
    while time.monotonic() < deadline:
        row.refresh_from_db(fields=["answer", "error"])
        if row.error:
            raise InvalidState("refused", row.error)
        if row.answer:
            return row.answer
        time.sleep(POLL_S)
    raise StackUnreachable("the publisher doesn't answer; is the control plane up?")
