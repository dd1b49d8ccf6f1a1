"""POST /api/v1/enforcer/enrol: an enforcer on another host registers itself with its one-time code.

Its key, its passwords and the answer's content stay between it and the publisher: here pass hashes, a public key and a
sealed answer.
"""

import base64
import binascii
import re

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from controlplane.api.bodies import reading
from controlplane.api.parsers import StrictJsonParser
from controlplane.api.throttles import count_failure
from controlplane.common.errors import InvalidState, StackUnreachable
from controlplane.fleet.api import Unavailable
from controlplane.fleet.invitations import Registration, register
from controlplane.policy.signing import ask_for
from controlplane.policy.wake import wake
from enforcer.contract.canonical import canonical
from enforcer.contract.keys import PublicKey
from enforcer.contract.strict_json import JsonObject

SHA256 = re.compile(r"[0-9a-f]{64}")
KEY_BYTES = 32
LONGEST = 200


class EnrolView(APIView):
    """The code is the only credential; `proof` is a signature over the rest of the body by the key that it names."""

    authentication_classes = ()
    permission_classes = ()
    parser_classes = (StrictJsonParser,)
    schema = None  # between enforcers and control plane: CONTRACTS section 3 names it

    def post(self, request: Request) -> Response:
        """`{"servers", "request_id", "sealed"}`: what is sealed are the keys for hashes of arguments."""
        with reading(request) as body:
            texts = {name: body.text(name, longest=LONGEST) for name in NAMES}
            proof = body.text("proof", longest=LONGEST)
        try:
            servers = register(code=texts["code"], who=_registration(texts, proof))
        except InvalidState:
            count_failure(request)
            raise
        wake()
        params: JsonObject = {"server_ids": list(servers)}
        try:
            sealed = ask_for("server_hmacs", params, reply_key=texts["reply_key"])
        except StackUnreachable as problem:
            raise Unavailable(str(problem)) from None
        answer = {"servers": list(servers), "request_id": sealed.request_id, "sealed": sealed.answer}
        return Response(answer, headers={"Cache-Control": "no-store"})


NAMES = ("code", "enforcer_id", "public_key", "redis_password_sha256", "broker_password_sha256", "reply_key")


def _registration(texts: dict[str, str], proof: str) -> Registration:
    """Raises `InvalidState` for what is not what it is called."""
    for name in ("redis_password_sha256", "broker_password_sha256"):
        if not SHA256.fullmatch(texts[name]):
            raise InvalidState(name, f"{name} is no SHA-256 in hexadecimal digits")
    try:
        key = PublicKey.from_text(texts["public_key"])
        reply_key, signature = (base64.b64decode(text, validate=True) for text in (texts["reply_key"], proof))
    except (ValueError, binascii.Error):
        raise InvalidState("public_key", "public_key, reply_key or proof can't be read") from None
    if len(reply_key) != KEY_BYTES or not key.verifies(signature, canonical(dict(texts))):
        raise InvalidState("proof", "proof is not the key's signature over the rest")
    return Registration(texts["enforcer_id"], key, texts["redis_password_sha256"], texts["broker_password_sha256"])
