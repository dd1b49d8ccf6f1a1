"""One envelope to one verified document: size, signature, shape, server, generation. Pure.

Nothing of a payload is parsed before its signature holds.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from enforcer.contract import documents, times
from enforcer.contract.documents import Document
from enforcer.contract.envelope import EnvelopeError, PayloadType, unseal
from enforcer.contract.fleet import KeyList, Lease, payload_hash
from enforcer.contract.incident import Incident, read_incident
from enforcer.contract.keys import PublicKey, Role
from enforcer.contract.snapshot import Snapshot


class Kind(StrEnum):
    """The documents an enforcer runs on, named as in policy.json."""

    KEYS = "keys"
    LEASE = "lease"
    INCIDENT = "incident"
    SNAPSHOT = "snapshot"


MAX_BYTES = {
    Kind.KEYS: 64 * 1024,
    Kind.LEASE: 64 * 1024,
    Kind.INCIDENT: 256 * 1024,
    Kind.SNAPSHOT: 8 * 1024 * 1024,
}
_TYPES = {
    Kind.KEYS: PayloadType.KEYS,
    Kind.LEASE: PayloadType.LEASE,
    Kind.INCIDENT: PayloadType.INCIDENT,
    Kind.SNAPSHOT: PayloadType.SNAPSHOT,
}
ROLES = {Kind.LEASE: Role.LEASE, Kind.INCIDENT: Role.INCIDENT, Kind.SNAPSHOT: Role.POLICY}

D_co = TypeVar("D_co", bound=Document, covariant=True)
S = TypeVar("S", Lease, Incident, Snapshot)


@dataclass(frozen=True, slots=True)
class Held(Generic[D_co]):
    """A verified document with the envelope it came in and the hash of its payload."""

    envelope: bytes
    document: D_co
    digest: str


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why an envelope was not taken; `digest` tells envelopes apart in the log."""

    kind: Kind
    reason: str
    digest: str = ""

    def __str__(self) -> str:
        """One line for log and heartbeat."""
        return f"{self.kind}: {self.reason}"


def key_list(raw: bytes, roots: Mapping[str, PublicKey]) -> Held[KeyList] | Rejection:
    """The key list, if a pinned root key signed it and every key in it can be read."""
    payload = _payload(Kind.KEYS, raw, roots)
    if isinstance(payload, Rejection):
        return payload
    try:
        document = documents.read(payload, KeyList)
        times.from_text(document.issued_at)
        for role in Role:
            document.of(role)
    except ValueError as problem:
        return _rejection(Kind.KEYS, raw, str(problem))
    return Held(raw, document, payload_hash(payload))


def lease(raw: bytes, keys: KeyList, server_id: str) -> Held[Lease] | Rejection:
    """A lease for this server by a lease key."""
    return _held(Kind.LEASE, raw, keys, server_id, _read_lease)


def incident(raw: bytes, keys: KeyList, server_id: str) -> Held[Incident] | Rejection:
    """An incident state for this server by an incident key; one not understood comes back as everything killed."""
    return _held(Kind.INCIDENT, raw, keys, server_id, read_incident)


def snapshot(raw: bytes, keys: KeyList, server_id: str) -> Held[Snapshot] | Rejection:
    """A snapshot for this server by a policy key."""
    return _held(Kind.SNAPSHOT, raw, keys, server_id, _read_snapshot)


def still_signed(kind: Kind, held: Held[Document], keys: KeyList) -> bool:
    """Whether a document taken under an older key list would be taken under this one."""
    signers = keys.of(ROLES[kind])
    return not isinstance(_payload(kind, held.envelope, signers), Rejection)


def _payload(kind: Kind, raw: bytes, keys: Mapping[str, PublicKey]) -> bytes | Rejection:
    try:
        return unseal(raw, _TYPES[kind], keys, max_bytes=MAX_BYTES[kind])
    except EnvelopeError as problem:
        return _rejection(kind, raw, str(problem))


def _held(kind: Kind, raw: bytes, keys: KeyList, server_id: str, read: Callable[[bytes], S]) -> Held[S] | Rejection:
    payload = _payload(kind, raw, keys.of(ROLES[kind]))
    if isinstance(payload, Rejection):
        return payload
    try:
        document = read(payload)
        times.from_text(document.issued_at)
    except ValueError as problem:
        return _rejection(kind, raw, str(problem))
    if document.server_id != server_id:
        return _rejection(kind, raw, f"is for the server {document.server_id!r}")
    if document.generation > keys.generation:
        text = f"is of generation {document.generation}, the root has signed {keys.generation}"
        return _rejection(kind, raw, text)
    return Held(raw, document, payload_hash(payload))


def _read_lease(payload: bytes) -> Lease:
    return documents.read(payload, Lease)


def _read_snapshot(payload: bytes) -> Snapshot:
    document = documents.read(payload, Snapshot)
    times.from_text(document.expires_at)
    return document


def _rejection(kind: Kind, raw: bytes, reason: str) -> Rejection:
    return Rejection(kind, reason, payload_hash(raw))
