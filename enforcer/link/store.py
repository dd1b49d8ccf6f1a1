"""policy.json: the memory of an enforcer (CONTRACTS section 2). Per server the envelopes as received, and the marks.

Read strictly: whatever does not verify, fit or agree with its own marks makes the whole file count as none. Written to
a new file, fsynced, renamed, and the directory fsynced, so that a crash leaves the old file or the new one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from enforcer.contract import strict_json
from enforcer.contract.keys import PublicKey
from enforcer.durable import sync_directory
from enforcer.link.clocks import Instant
from enforcer.link.state import Envelopes, Mark, Trusted
from enforcer.link.trusted import Load, update
from enforcer.link.verify import Kind

NAME = "policy.json"


@dataclass(frozen=True, slots=True)
class Memory:
    """What the file knows: servers, and the greatest wall time (unix seconds) seen so far."""

    servers: Mapping[str, Trusted]
    greatest_wall: float


@dataclass(frozen=True, slots=True)
class Damage:
    """Why the file counts as none."""

    reason: str


class _Seen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    marks: dict[Kind, tuple[int, int, str]]
    greatest_wall: float
    arrived: Instant | None = None


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    keys: msgspec.Raw
    snapshot: msgspec.Raw
    incident: msgspec.Raw
    lease: msgspec.Raw
    seen: _Seen


_NULL = b"null"


def encode(states: Iterable[Trusted], greatest_wall: float) -> bytes:
    """The file's bytes."""
    return msgspec.json.encode({s.server_id: _entry(s, greatest_wall) for s in states if s.remembered})


def _entry(state: Trusted, greatest_wall: float) -> _Entry:
    pair = state.applied
    return _Entry(
        keys=msgspec.Raw(state.keys.envelope if state.keys else _NULL),
        snapshot=msgspec.Raw(pair.snapshot.envelope if pair else _NULL),
        incident=msgspec.Raw(pair.incident.envelope if pair else _NULL),
        lease=msgspec.Raw(pair.lease.envelope if pair else _NULL),
        seen=_Seen(
            marks={kind: (*mark.order, mark.digest) for kind, mark in state.seen.items()},
            greatest_wall=greatest_wall,
            arrived=pair.arrived if pair else None,
        ),
    )


def decode(raw: bytes, server_ids: Iterable[str], roots: Mapping[str, PublicKey], load: Load) -> Memory | Damage:
    """The servers of `server_ids` that the file knows, each verified and indexed anew."""
    try:
        strict_json.parse_object(raw)
        entries = msgspec.json.decode(raw, type=dict[str, _Entry])
    except (strict_json.StrictJsonError, msgspec.DecodeError) as problem:
        return Damage(str(problem))
    servers: dict[str, Trusted] = {}
    for server_id in server_ids:
        if server_id in entries:
            state = _restored(Trusted(server_id, roots, nonce=None), entries[server_id], load)
            if isinstance(state, Damage):
                return Damage(f"{server_id}: {state.reason}")
            servers[server_id] = state
    return Memory(servers, max((e.seen.greatest_wall for e in entries.values()), default=0.0))


def _restored(fresh: Trusted, entry: _Entry, load: Load) -> Trusted | Damage:
    offered = Envelopes(*(_envelope(raw) for raw in (entry.keys, entry.lease, entry.incident, entry.snapshot)))
    policy = (offered.lease, offered.incident, offered.snapshot)
    arrived = entry.seen.arrived
    if offered.keys is None or (None in policy) != (policy == (None, None, None)) or (None in policy) != (not arrived):
        return Damage("a document is missing")
    # An expiry counts as of the arrival: policy that ran out since is remembered, and refused by the decision.
    state, rejections = update(fresh, offered, now=arrived or Instant(0, 0, ""), load=load)
    if rejections:
        return Damage(str(rejections[0]))
    if arrived and state.applied is None:
        return Damage("its documents are no pair")
    marks = {
        kind: Mark((generation, number), digest) for kind, (generation, number, digest) in entry.seen.marks.items()
    }
    if not all(_remembers(marks.get(kind), mark, kind) for kind, mark in state.seen.items()):
        return Damage("its marks do not fit its documents")
    return replace(state, seen=marks)


def _envelope(raw: msgspec.Raw) -> bytes | None:
    return None if bytes(raw) == _NULL else bytes(raw)


def _remembers(stored: Mark | None, found: Mark, kind: Kind) -> bool:
    """Leases run ahead of the one on disk, everything else is written before it counts."""
    return stored == found or (kind is Kind.LEASE and stored is not None and stored.order > found.order)


def read(path: Path, server_ids: Iterable[str], roots: Mapping[str, PublicKey], load: Load) -> Memory | Damage | None:
    """The memory on disk; none where there is no file. Changes nothing."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as problem:
        return Damage(f"can't be read: {problem.strerror}")
    return decode(raw, server_ids, roots, load)


def set_aside(path: Path) -> None:
    """Keep a damaged file as `policy.json.bad`; raises `OSError`."""
    path.rename(path.with_name(path.name + ".bad"))
    sync_directory(path.parent)
