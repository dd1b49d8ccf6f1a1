"""The signed wrapping of every document: DSSE 1.0 (github.com/secure-systems-lab/dsse), Ed25519.

The signature covers the payload type and the payload bytes, and is verified before the payload is parsed.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping
from enum import StrEnum

import orjson

from enforcer.contract import strict_json
from enforcer.contract.keys import PublicKey, SigningKey
from enforcer.contract.strict_json import JsonValue

MAX_BYTES = 8 * 1024 * 1024
MAX_SIGNATURES = 16


class PayloadType(StrEnum):
    """The documents of CONTRACTS section 2."""

    SNAPSHOT = "application/vnd.drawbridge.snapshot.v1+json"
    INCIDENT = "application/vnd.drawbridge.incident.v1+json"
    LEASE = "application/vnd.drawbridge.lease.v1+json"
    KEYS = "application/vnd.drawbridge.keys.v1+json"
    ACK = "application/vnd.drawbridge.ack.v1+json"
    HEARTBEAT = "application/vnd.drawbridge.heartbeat.v1+json"
    BATCH = "application/vnd.drawbridge.batch.v1+json"
    PERMIT = "application/vnd.drawbridge.permit.v1+json"
    CHECKPOINT = "application/vnd.drawbridge.checkpoint.v1+json"


class EnvelopeError(ValueError):
    """The envelope can't be trusted; the message says why and holds nothing of the payload."""


def pae(payload_type: str, payload: bytes) -> bytes:
    """Pre-authentication encoding: what is signed."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def seal(payload_type: PayloadType, payload: bytes, keys: Iterable[SigningKey]) -> bytes:
    """Envelope bytes around `payload`, one signature a key."""
    message = pae(payload_type, payload)
    signatures = [{"keyid": k.public.keyid, "sig": base64.b64encode(k.sign(message)).decode()} for k in keys]
    return orjson.dumps(
        {"payloadType": payload_type, "payload": base64.b64encode(payload).decode(), "signatures": signatures}
    )


def unseal(
    raw: bytes, payload_type: PayloadType, keys: Mapping[str, PublicKey], *, max_bytes: int = MAX_BYTES
) -> bytes:
    """The payload, once a signature of one of `keys` (by key id) holds; raises `EnvelopeError`."""
    return unseal_by(raw, payload_type, keys, max_bytes=max_bytes)[0]


def unseal_by(
    raw: bytes, payload_type: PayloadType, keys: Mapping[str, PublicKey], *, max_bytes: int = MAX_BYTES
) -> tuple[bytes, str]:
    """The payload, and the id of a key of `keys` whose signature holds; raises `EnvelopeError`."""
    if len(raw) > max_bytes:
        raise EnvelopeError(f"larger than {max_bytes} bytes")
    try:
        outer = strict_json.parse_object(raw)
    except strict_json.StrictJsonError as problem:
        raise EnvelopeError(f"not an envelope: {problem}") from None
    if outer.keys() != {"payloadType", "payload", "signatures"}:
        raise EnvelopeError("not an envelope: payloadType, payload and signatures are its fields")
    if outer["payloadType"] != payload_type:
        raise EnvelopeError(f"not of type {payload_type}")
    payload = _decode(outer["payload"])
    keyid = _signer(outer["signatures"], pae(payload_type, payload), keys)
    if keyid is None:
        raise EnvelopeError("no signature of a trusted key")
    return payload, keyid


def _signer(signatures: JsonValue, message: bytes, keys: Mapping[str, PublicKey]) -> str | None:
    if not isinstance(signatures, list) or len(signatures) > MAX_SIGNATURES:
        raise EnvelopeError("signatures is not a short list")
    for entry in signatures:
        if not isinstance(entry, dict) or not isinstance(keyid := entry.get("keyid"), str):
            raise EnvelopeError("a signature is not {keyid, sig}")
        key = keys.get(keyid)
        if key is not None and key.verifies(_decode(entry.get("sig")), message):
            return keyid
    return None


def _decode(text: JsonValue) -> bytes:
    if not isinstance(text, str):
        raise EnvelopeError("base64 expected")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise EnvelopeError("not base64") from None
