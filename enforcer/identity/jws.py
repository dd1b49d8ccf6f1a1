"""The compact JWS form (RFC 7515 section 7.1), read strictly: one way to read it or none."""

import base64
import binascii
import re
from dataclasses import dataclass

from enforcer.contract import strict_json
from enforcer.contract.strict_json import JsonObject, JsonValue

MAX_CHARS = 16 * 1024
MAX_DEPTH = 16
_SHAPE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
ACCESS_TOKEN_TYPES = ("jwt", "at+jwt", "application/at+jwt")


@dataclass(frozen=True, slots=True)
class JwsProblem:
    """Why it is no token."""

    detail: str


@dataclass(frozen=True, slots=True)
class Jws:
    """The parts; nothing is verified yet. `signed` are the bytes under the signature."""

    algorithm: str
    kid: str | None
    claims: JsonObject
    signed: bytes
    signature: bytes


def read_jws(token: str) -> Jws | JwsProblem:
    """Parse and check the header; never raises."""
    if len(token) > MAX_CHARS:
        return JwsProblem(f"it is longer than {MAX_CHARS} characters")
    if not _SHAPE.fullmatch(token):
        return JwsProblem("it is not three base64url parts")
    try:
        header, claims, signature = (_decode(part) for part in token.split("."))
        fields = strict_json.parse_object(header, max_depth=MAX_DEPTH)
        body = strict_json.parse_object(claims, max_depth=MAX_DEPTH)
    except (binascii.Error, strict_json.StrictJsonError):
        return JwsProblem("its parts are not base64url of strict JSON objects")
    problem = _header_problem(fields)
    if problem is not None:
        return JwsProblem(problem)
    kid = fields.get("kid")
    signed = token.rpartition(".")[0].encode()
    return Jws(str(fields["alg"]), kid if isinstance(kid, str) else None, body, signed, signature)


def _decode(part: str) -> bytes:
    raw = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    if base64.urlsafe_b64encode(raw).rstrip(b"=") != part.encode():
        raise binascii.Error("another spelling of the same bytes")
    return raw


def _header_problem(header: JsonObject) -> str | None:
    if not isinstance(header.get("alg"), str):
        return "its header names no algorithm"
    if not isinstance(header.get("kid", ""), str):
        return "its kid is not a text"
    if "crit" in header or "b64" in header:  # RFC 7515 section 4.1.11: what isn't understood is refused
        return "its header has extensions that this gate does not know"
    if not _is_access_token(header.get("typ", "JWT")):
        return "it is not an access token by its typ"
    return None


def _is_access_token(typ: JsonValue) -> bool:
    return isinstance(typ, str) and typ.lower() in ACCESS_TOKEN_TYPES
