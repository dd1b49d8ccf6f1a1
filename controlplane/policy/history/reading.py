"""A published version as it lies in the database: its payload, and whether a listed key signed it."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings

from controlplane.policy.models import Kind, SignedDocument
from enforcer.contract import strict_json
from enforcer.contract.canonical import sha256
from enforcer.contract.documents import DocumentError, read
from enforcer.contract.envelope import EnvelopeError, PayloadType, unseal
from enforcer.contract.fleet import KeyList
from enforcer.contract.keys import PublicKey, Role
from enforcer.contract.strict_json import JsonObject

TYPES = {Kind.POLICY: PayloadType.SNAPSHOT, Kind.INCIDENT: PayloadType.INCIDENT}
ROLES = {Kind.POLICY: Role.POLICY, Kind.INCIDENT: Role.INCIDENT}
LARGEST_PRINTED = 200_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the envelope holds now, and a sentence on it. `holds` is None where nobody can tell."""

    holds: bool | None
    says: str


def payload_bytes(document: SignedDocument) -> bytes:
    """What was signed; nothing where the envelope can't be read."""
    try:
        payload = strict_json.parse_object(document.envelope.encode()).get("payload")
        return base64.b64decode(payload, validate=True) if isinstance(payload, str) else b""
    except ValueError:
        return b""


def payload_of(document: SignedDocument) -> JsonObject:
    """Read; empty where it can't be."""
    try:
        return strict_json.parse_object(payload_bytes(document))
    except ValueError:
        return {}


def key_ids(document: SignedDocument) -> list[str]:
    """Whose signatures the envelope carries, by its own word."""
    try:
        signatures = strict_json.parse_object(document.envelope.encode()).get("signatures")
    except ValueError:
        return []
    entries = signatures if isinstance(signatures, list) else []
    return [str(entry.get("keyid")) for entry in entries if isinstance(entry, dict)]


def verdict(document: SignedDocument) -> Verdict:
    """By the key list that is published now, and by the hash that the database holds."""
    kind = Kind(document.kind)
    try:
        keys = listed_keys(ROLES[kind])
    except (OSError, ValueError) as problem:
        return Verdict(None, f"the published key list can't be read here: {problem}")
    try:
        payload = unseal(document.envelope.encode(), TYPES[kind], keys)
    except EnvelopeError as problem:
        return Verdict(False, f"it does not hold: {problem}")
    if sha256(payload) != document.payload_hash:
        return Verdict(False, "the signature holds, but the hash in the database is of something else")
    return Verdict(True, "signature and hash hold, by the key list that is published now")


def listed_keys(role: Role) -> Mapping[str, PublicKey]:
    """Key id → key, once the root's signature on the list holds; raises `OSError` or `ValueError`."""
    root = PublicKey.from_text(settings.ROOT_PUB.read_text().strip())
    payload = unseal(settings.KEYS_JSON.read_bytes().strip(), PayloadType.KEYS, {root.keyid: root})
    try:
        return read(payload, KeyList).of(role)
    except DocumentError as problem:
        raise ValueError(str(problem)) from None


def printed(payload: JsonObject) -> tuple[str, int]:
    """The payload for a person to read, and how many characters are left out."""
    text = json.dumps(payload, indent=2, ensure_ascii=False)
    return text[:LARGEST_PRINTED], max(len(text) - LARGEST_PRINTED, 0)
