"""What one server's policy is, and what may follow it. Pure: every check on signed documents, no I/O.

Documents are looked at in the order keys, lease, incident state, snapshot. The rules (CONTRACTS section 2; TUF
specification 5.3 to 5.7):
 1. The key list needs a pinned root key; the others need a key of their own role in it, and its generation at most.
 2. (generation, number) never goes below what was ever taken, and an equal one must be the same document.
 3. A lease counts as news only with a higher counter. Its pair is applied when version and hash of both fit.
 4. An incident state newer than the lease names is applied at once; nothing older than a lease names ever is.
 5. A lease refreshes the policy only together with the pair it names: a withheld snapshot lets the old one age.
 6. While a nonce is set, only a lease that echoes it counts (no memory on disk, or a clock that ran backwards).
 7. After a new key list, what it no longer vouches for is dropped; the memory of its numbers stays.
 8. A snapshot that has expired or can't be indexed is never applied.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from enforcer.contract import times
from enforcer.contract.documents import Document
from enforcer.contract.fleet import KeyList, Lease
from enforcer.contract.incident import Incident
from enforcer.contract.snapshot import Snapshot
from enforcer.link import verify
from enforcer.link.clocks import Instant
from enforcer.link.state import Envelopes, Mark, Pair, Trusted
from enforcer.link.verify import Held, Kind, Rejection
from enforcer.policy.index import Index, IndexProblem

Load = Callable[[Snapshot], Index | IndexProblem]
Step = Trusted | Rejection


def update(old: Trusted, offered: Envelopes, *, now: Instant, load: Load) -> tuple[Trusted, tuple[Rejection, ...]]:
    """What is trusted after an offer, and what of the offer was refused; `old` stays what it was."""
    steps: tuple[tuple[bytes | None, Callable[[Trusted, bytes], Step]], ...] = (
        (offered.keys, _take_keys),
        (offered.lease, lambda trusted, raw: _take_lease(trusted, raw, now)),
        (offered.incident, _take_incident),
        (offered.snapshot, _take_snapshot),
        (b"", lambda trusted, _: _run_ahead(trusted)),
        (b"", lambda trusted, _: _apply_pair(trusted, now, load)),
    )
    trusted, rejections = old, []
    for raw, take in steps:
        step = trusted if raw is None else take(trusted, raw)
        if isinstance(step, Rejection):
            rejections.append(step)
        else:
            trusted = step
    return trusted, tuple(rejections)


def _take_keys(trusted: Trusted, raw: bytes) -> Step:
    held = verify.key_list(raw, trusted.roots)
    if isinstance(held, Rejection):
        return held
    mark = Mark(held.document.order, held.digest)
    refused = _against(trusted.seen, Kind.KEYS, mark)
    if refused is not None or trusted.seen.get(Kind.KEYS) == mark:
        return refused or replace(trusted, keys=trusted.keys or held)
    return _vouched(replace(trusted, keys=held, seen={**trusted.seen, Kind.KEYS: mark}), held.document)


def _vouched(trusted: Trusted, keys: KeyList) -> Trusted:
    """Drop what the new list no longer vouches for (rule 7)."""

    def signed(kind: Kind, held: Held[Document] | None) -> bool:
        return held is not None and verify.still_signed(kind, held, keys)

    pair = trusted.applied
    whole = pair is not None and all(
        (signed(Kind.LEASE, pair.lease), signed(Kind.INCIDENT, pair.incident), signed(Kind.SNAPSHOT, pair.snapshot))
    )
    return replace(
        trusted,
        lease=trusted.lease if signed(Kind.LEASE, trusted.lease) else None,
        incident=trusted.incident if signed(Kind.INCIDENT, trusted.incident) else None,
        snapshot=trusted.snapshot if signed(Kind.SNAPSHOT, trusted.snapshot) else None,
        applied=pair if whole else None,
    )


def _take_lease(trusted: Trusted, raw: bytes, now: Instant) -> Step:
    if trusted.keys is None:
        return Rejection(Kind.LEASE, "no key list to verify it by")
    held = verify.lease(raw, trusted.keys.document, trusted.server_id)
    if isinstance(held, Rejection):
        return held
    mark = Mark(held.document.order, held.digest)
    refused = _against(trusted.seen, Kind.LEASE, mark)
    if refused is not None or trusted.seen.get(Kind.LEASE) == mark:
        return refused or trusted
    if trusted.nonce is not None and held.document.nonce != trusted.nonce:
        return trusted
    snapshot, named = trusted.seen.get(Kind.SNAPSHOT), _names_snapshot(held.document)
    if snapshot is not None and named.order < snapshot.order:
        text = f"names the snapshot {_shown(named)}; {_shown(snapshot)} was applied"
        return Rejection(Kind.LEASE, text, held.digest)
    return replace(trusted, lease=held, arrived=now, nonce=None, seen={**trusted.seen, Kind.LEASE: mark})


def _take_incident(trusted: Trusted, raw: bytes) -> Step:
    if trusted.keys is None:
        return Rejection(Kind.INCIDENT, "no key list to verify it by")
    held = verify.incident(raw, trusted.keys.document, trusted.server_id)
    if isinstance(held, Rejection):
        return held
    mark = Mark(held.document.order, held.digest)
    named = _names_incident(trusted.lease.document) if trusted.lease else None
    refused = _against(trusted.seen, Kind.INCIDENT, mark) or _against_lease(named, Kind.INCIDENT, mark)
    return refused or replace(trusted, incident=held)


def _take_snapshot(trusted: Trusted, raw: bytes) -> Step:
    if trusted.keys is None:
        return Rejection(Kind.SNAPSHOT, "no key list to verify it by")
    held = verify.snapshot(raw, trusted.keys.document, trusted.server_id)
    if isinstance(held, Rejection):
        return held
    mark = Mark(held.document.order, held.digest)
    named = _names_snapshot(trusted.lease.document) if trusted.lease else None
    refused = _against(trusted.seen, Kind.SNAPSHOT, mark) or _against_lease(named, Kind.SNAPSHOT, mark)
    return refused or replace(trusted, snapshot=held)


def _against(seen: Mapping[Kind, Mark], kind: Kind, new: Mark) -> Rejection | None:
    mark = seen.get(kind)
    if mark is None or new.order > mark.order or new == mark:
        return None
    if new.order == mark.order:
        return Rejection(kind, f"{_shown(new)} again, with other content", new.digest)
    return Rejection(kind, f"{_shown(new)} is older than {_shown(mark)}", new.digest)


def _against_lease(named: Mark | None, kind: Kind, new: Mark) -> Rejection | None:
    """A document newer than the lease names waits for its lease; a snapshot does, an incident state needn't."""
    if named is None or new.order > named.order or _is_named(new, named):
        return None
    if new.order == named.order:
        return Rejection(kind, f"{_shown(new)} is not the one that the lease names", new.digest)
    return Rejection(kind, f"{_shown(new)} is older than {_shown(named)}, which the lease names", new.digest)


def _is_named(document: Mark, named: Mark) -> bool:
    """The lease's own generation may be higher than that of what it names; the hash covers it."""
    return (document.order[1], document.digest) == (named.order[1], named.digest)


def _names_snapshot(lease: Lease) -> Mark:
    return Mark((lease.generation, lease.snapshot_version), lease.snapshot_hash)


def _names_incident(lease: Lease) -> Mark:
    return Mark((lease.generation, lease.incident_epoch), lease.incident_hash)


def _shown(mark: Mark) -> str:
    return f"{mark.order[1]} of generation {mark.order[0]}"


def _run_ahead(trusted: Trusted) -> Trusted:
    """A newer incident state on the pair in force (rule 4)."""
    pair, incident = trusted.applied, trusted.incident
    if pair is None or incident is None or incident.document.order <= pair.incident.document.order:
        return trusted
    mark = Mark(incident.document.order, incident.digest)
    return replace(trusted, applied=replace(pair, incident=incident), seen={**trusted.seen, Kind.INCIDENT: mark})


def _apply_pair(trusted: Trusted, now: Instant, load: Load) -> Step:
    """The pair that the newest lease names (rules 3, 5, 8)."""
    lease, incident, old = trusted.lease, trusted.incident, trusted.applied
    if lease is None or trusted.arrived is None or incident is None or (old and old.lease == lease):
        return trusted
    snapshot = _named(trusted, _names_snapshot(lease.document))
    if snapshot is None or not _fits(incident, _names_incident(lease.document)):
        return trusted
    if now.wall >= times.from_text(snapshot.document.expires_at):
        text = f"{snapshot.document.version} expired at {snapshot.document.expires_at}"
        return Rejection(Kind.SNAPSHOT, text, snapshot.digest)
    index = old.index if old and old.snapshot.digest == snapshot.digest else load(snapshot.document)
    if isinstance(index, IndexProblem):
        return Rejection(Kind.SNAPSHOT, f"{snapshot.document.version} can't be used: {index.detail}", snapshot.digest)
    marks = {
        Kind.SNAPSHOT: Mark(snapshot.document.order, snapshot.digest),
        Kind.INCIDENT: Mark(incident.document.order, incident.digest),
    }
    pair = Pair(snapshot, incident, lease, trusted.arrived, index)
    return replace(trusted, applied=pair, seen={**trusted.seen, **marks})


def _named(trusted: Trusted, named: Mark) -> Held[Snapshot] | None:
    held = (trusted.snapshot, trusted.applied.snapshot if trusted.applied else None)
    return next((h for h in held if h and _is_named(Mark(h.document.order, h.digest), named)), None)


def _fits(incident: Held[Incident], named: Mark) -> bool:
    mark = Mark(incident.document.order, incident.digest)
    return _is_named(mark, named) or mark.order > named.order
