"""What every key of Redis should hold, as the database says, and how a value found there is judged."""

from controlplane.policy.models import Kind, Published, SignedDocument
from controlplane.policy.publisher.documents import TYPES
from controlplane.policy.publisher.keys import KeyRing
from controlplane.policy.publisher.mirror import Entry, Judge, Order
from enforcer.contract import redis_names, strict_json
from enforcer.contract.envelope import EnvelopeError, PayloadType, unseal
from enforcer.contract.keys import PublicKey, Role

_NUMBER = {
    PayloadType.KEYS: "version",
    PayloadType.SNAPSHOT: "version",
    PayloadType.INCIDENT: "epoch",
    PayloadType.LEASE: "counter",
}
_ROLE = {PayloadType.SNAPSHOT: Role.POLICY, PayloadType.INCIDENT: Role.INCIDENT, PayloadType.LEASE: Role.LEASE}


def keys_entry(ring: KeyRing) -> Entry:
    """The key list."""
    judge = _judge(PayloadType.KEYS, {ring.root.keyid: ring.root}, None)
    return Entry(redis_names.KEYS, (ring.generation, ring.key_list.version), ring.envelope, judge)


def document_entry(document: SignedDocument, ring: KeyRing) -> Entry:
    """A snapshot, of which the lease that follows gives the hint, or an incident state, which hints at once."""
    kind = Kind(document.kind)
    policy = kind == Kind.POLICY
    return Entry(
        key=document_key(kind, document.server_id),
        order=(document.generation, document.number),
        envelope=document.envelope,
        judge=_role_judge(TYPES[kind], ring, document.server_id),
        channel="" if policy else redis_names.changed(document.server_id),
        hint="" if policy else "incident",
    )


def lease_entry(row: Published, ring: KeyRing) -> Entry:
    """The newest lease; its hint is the tick by which enforcers know that the channel lives."""
    return Entry(
        key=redis_names.lease(row.server_id),
        order=(ring.generation, row.lease_counter),
        envelope=row.lease,
        judge=_role_judge(PayloadType.LEASE, ring, row.server_id),
        channel=redis_names.changed(row.server_id),
        hint="lease",
    )


def document_key(kind: Kind, server_id: str) -> str:
    """Its name in Redis."""
    return redis_names.incident(server_id) if kind == Kind.INCIDENT else redis_names.snapshot(server_id)


def _role_judge(payload_type: PayloadType, ring: KeyRing, server_id: str) -> Judge:
    return _judge(payload_type, ring.key_list.of(_ROLE[payload_type]), server_id)


def _judge(payload_type: PayloadType, keys: dict[str, PublicKey], server_id: str | None) -> Judge:
    def order_of(raw: bytes) -> Order | None:
        try:
            payload = strict_json.parse_object(unseal(raw, payload_type, keys))
        except (EnvelopeError, strict_json.StrictJsonError):
            return None
        generation, number = payload.get("generation"), payload.get(_NUMBER[payload_type])
        if payload.get("server_id") != server_id or not isinstance(generation, int) or not isinstance(number, int):
            return None
        return (generation, number)

    return order_of
