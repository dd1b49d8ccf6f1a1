"""Leases: each second, and at once when a pair changes. They name what the database says is newest, or don't exist."""

from collections.abc import Iterable

from controlplane.policy.models import Published
from controlplane.policy.publisher.documents import consistent
from controlplane.policy.publisher.keys import KeyRing
from enforcer.contract.documents import SCHEMA, signed
from enforcer.contract.envelope import PayloadType
from enforcer.contract.fleet import Lease
from enforcer.contract.keys import Role
from enforcer.contract.times import to_text

BATCH = 200


def renew(ring: KeyRing, now: float, *, server_ids: Iterable[str] | None = None) -> list[Published]:
    """Sign and commit the next lease of these servers (of all); those that miss half of the pair get none."""
    with consistent():
        rows = _locked(server_ids)
        for row in rows:
            row.lease_counter += 1
            row.lease = _lease(row, ring, now, nonce=None)
        Published.objects.bulk_update(rows, ["lease_counter", "lease"], batch_size=BATCH)
    return rows


def with_nonce(ring: KeyRing, now: float, *, server_id: str, nonce: str) -> str | None:
    """An envelope that echoes an enforcer's nonce, for one without memory; None for a server that has no pair yet."""
    with consistent():
        rows = _locked([server_id])
        if not rows:
            return None
        rows[0].lease_counter += 1
        rows[0].save(update_fields=["lease_counter"])
        return _lease(rows[0], ring, now, nonce=nonce)


def _locked(server_ids: Iterable[str] | None) -> list[Published]:
    rows = Published.objects.select_for_update(of=("self",)).filter(snapshot__isnull=False, incident__isnull=False)
    if server_ids is not None:
        rows = rows.filter(server_id__in=list(server_ids))
    unread = ("snapshot__envelope", "incident__envelope", "lease")
    return list(rows.select_related("snapshot", "incident").defer(*unread).order_by("server_id"))


def _lease(row: Published, ring: KeyRing, now: float, *, nonce: str | None) -> str:
    snapshot, incident = row.snapshot, row.incident
    assert snapshot is not None
    assert incident is not None
    lease = Lease(
        schema=SCHEMA,
        generation=ring.generation,
        issued_at=to_text(now),
        server_id=row.server_id,
        counter=row.lease_counter,
        snapshot_version=snapshot.number,
        snapshot_hash=snapshot.payload_hash,
        incident_epoch=incident.number,
        incident_hash=incident.payload_hash,
        nonce=nonce,
    )
    return signed(lease, PayloadType.LEASE, ring.signing[Role.LEASE]).decode()
