"""GET /api/v1/enforcer/state: the same signed documents as in Redis, for an enforcer that Redis gives no news."""

import base64
from typing import cast

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.conf import settings
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException, AuthenticationFailed, ParseError, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from controlplane.common.errors import DomainError, StackUnreachable
from controlplane.config.environment import stored
from controlplane.fleet.models import ACTIVE, Enforcer
from controlplane.policy.models import Kind, Published, SignedDocument
from controlplane.policy.signing import ask
from enforcer.contract import strict_json
from enforcer.contract.documents import read
from enforcer.contract.fleet import Lease
from enforcer.contract.strict_json import JsonObject, JsonValue

AUDIENCE = "drawbridge-control-plane"
LONGEST_S = 60
LEEWAY_S = 30
NONCE_WAIT_S = 2.0
LONGEST_NONCE = 128


class Unavailable(APIException):
    """503: the publisher has made nothing yet, or doesn't answer."""

    status_code = 503
    default_detail = "not published yet"


class EnforcerAuthentication(BaseAuthentication):
    """An EdDSA JWT of at most 60 s, signed by the enforcer with the key that it was enrolled with."""

    def authenticate(self, request: Request) -> tuple[Enforcer, None]:
        """The enforcer is the user; raises 401 for anything else."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise AuthenticationFailed("send Authorization: Bearer with a token signed by the enforcer's key")
        enforcer = _signer(token)
        if enforcer is None:
            raise AuthenticationFailed("the token is not an enrolled enforcer's")
        return enforcer, None

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002 - the framework's signature
        """What makes it a 401."""
        return "Bearer"


class StateView(APIView):
    """`server` must be one of the caller's; `nonce` comes back inside the lease."""

    authentication_classes = (EnforcerAuthentication,)
    permission_classes = ()
    schema = None  # between enforcers and control plane: CONTRACTS section 3 describes it

    def get(self, request: Request) -> Response:
        """`{"keys", "snapshot", "incident", "lease"}`, envelopes, the pair being the one that the lease names."""
        enforcer = cast("Enforcer", request.user)  # EnforcerAuthentication made it so
        server_id, nonce = request.query_params.get("server", ""), request.query_params.get("nonce")
        if not enforcer.servers.filter(id=server_id).exists():
            raise PermissionDenied("not a server of this enforcer")
        if nonce is not None and not 1 <= len(nonce) <= LONGEST_NONCE:
            raise ParseError(f"nonce has 1 to {LONGEST_NONCE} characters")
        return Response(state_of(server_id, nonce), headers={"Cache-Control": "no-store"})


def state_of(server_id: str, nonce: str | None) -> JsonObject:
    """The documents; raises 404 and 503."""
    keys = stored(settings.KEYS_JSON)
    envelope = _nonce_lease(server_id, nonce) if nonce is not None else _newest_lease(server_id)
    if not keys or not envelope:
        raise Unavailable
    lease = _read_lease(envelope)
    return {
        "keys": strict_json.parse(keys.encode()),
        "snapshot": _document(Kind.POLICY, server_id, lease.snapshot_version),
        "incident": _document(Kind.INCIDENT, server_id, lease.incident_epoch),
        "lease": strict_json.parse(envelope.encode()),
    }


def _signer(token: str) -> Enforcer | None:
    try:
        unverified = jwt.decode(token, options={"verify_signature": False})
        issuer = unverified.get("iss")
        enforcer = Enforcer.objects.filter(ACTIVE, id=issuer).first() if isinstance(issuer, str) else None
        return enforcer if enforcer and _holds(token, enforcer) else None
    except jwt.InvalidTokenError:
        return None


def _holds(token: str, enforcer: Enforcer) -> bool:
    claims = jwt.decode(
        token,
        Ed25519PublicKey.from_public_bytes(enforcer.key.raw),
        algorithms=["EdDSA"],
        audience=AUDIENCE,
        issuer=enforcer.id,
        subject=enforcer.id,
        leeway=LEEWAY_S,
        options={"require": ["iss", "sub", "aud", "iat", "exp", "jti"]},
    )
    return bool(int(claims["exp"]) - int(claims["iat"]) <= LONGEST_S)


def _newest_lease(server_id: str) -> str:
    row = Published.objects.filter(server_id=server_id).first()
    return row.lease if row else ""


def _nonce_lease(server_id: str, nonce: str) -> str:
    try:
        return str(ask("nonce_lease", {"server_id": server_id, "nonce": nonce}, NONCE_WAIT_S)["lease"])
    except StackUnreachable as problem:
        raise Unavailable(str(problem)) from None
    except DomainError as problem:
        raise Unavailable(problem.message) from None


def _read_lease(envelope: str) -> Lease:
    """From our own database: what is inside is read, whose it is the enforcer will judge."""
    payload = strict_json.parse_object(envelope.encode())["payload"]
    assert isinstance(payload, str)
    return read(base64.b64decode(payload), Lease)


def _document(kind: Kind, server_id: str, number: int) -> JsonValue:
    envelope = SignedDocument.objects.values_list("envelope", flat=True).get(
        kind=kind, server_id=server_id, number=number
    )
    return strict_json.parse(envelope.encode())
