"""How commands get something signed: they write a row, and the publisher, alone in holding keys, answers it."""

import base64
import time

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from django.db import connection

from controlplane.common.errors import InvalidState, StackUnreachable
from controlplane.policy.models import SigningRequest
from controlplane.policy.sealed import open_answer
from controlplane.policy.wake import wake
from enforcer.contract.strict_json import JsonObject, parse_object

POLL_S = 0.01


def ask(kind: str, params: JsonObject, timeout_s: float = 10.0) -> JsonObject:
    """The publisher's answer. Raises `InvalidState` where it refuses, `StackUnreachable` where it doesn't answer."""
    if connection.in_atomic_block:
        raise RuntimeError("the publisher can't see a request before it is committed")
    private = X25519PrivateKey.generate()
    reply_key = base64.b64encode(private.public_key().public_bytes_raw()).decode()
    row = SigningRequest.objects.create(kind=kind, params=params, reply_key=reply_key)
    wake()
    try:
        answer = _answer(row, time.monotonic() + timeout_s)
    finally:
        SigningRequest.objects.filter(pk=row.pk).delete()
    return parse_object(open_answer(answer, private=private, request_id=str(row.pk)))


def _answer(row: SigningRequest, deadline: float) -> str:
    while time.monotonic() < deadline:
        row.refresh_from_db(fields=["answer", "error"])
        if row.error:
            raise InvalidState("refused", row.error)
        if row.answer:
            return row.answer
        time.sleep(POLL_S)
    raise StackUnreachable("the publisher doesn't answer; is the control plane up?")
