"""What is known of one server's policy. Immutable: a change makes a new one, and who reads keeps what it read."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from enforcer.contract import times
from enforcer.contract.fleet import KeyList, Lease
from enforcer.contract.incident import Incident
from enforcer.contract.keys import PublicKey
from enforcer.contract.snapshot import Snapshot
from enforcer.link.clocks import Instant
from enforcer.link.verify import Held, Kind
from enforcer.policy.index import Index


@dataclass(frozen=True, slots=True)
class Envelopes:
    """What was fetched for one server, as received; none was not offered."""

    keys: bytes | None = None
    lease: bytes | None = None
    incident: bytes | None = None
    snapshot: bytes | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """The highest number taken of one document, and its hash."""

    order: tuple[int, int]
    digest: str


@dataclass(frozen=True, slots=True)
class Pair:
    """Policy in force: a snapshot and an incident state, the lease that vouches for them, and when it arrived."""

    snapshot: Held[Snapshot]
    incident: Held[Incident]
    lease: Held[Lease]
    arrived: Instant
    index: Index


@dataclass(frozen=True, slots=True)
class Trusted:
    """All that is known of one server. `lease`, `incident`, `snapshot` are the newest verified, applied or not."""

    server_id: str
    roots: Mapping[str, PublicKey]
    nonce: str | None
    seen: Mapping[Kind, Mark] = field(default_factory=dict)
    keys: Held[KeyList] | None = None
    lease: Held[Lease] | None = None
    arrived: Instant | None = None
    incident: Held[Incident] | None = None
    snapshot: Held[Snapshot] | None = None
    applied: Pair | None = None

    @property
    def remembered(self) -> bool:
        """Whether this belongs on disk: what waits for its first nonce is no memory yet."""
        return self.keys is not None and (self.nonce is None or self.applied is not None)


@dataclass(frozen=True, slots=True)
class Applied:
    """What a call is decided by. `issued_at` is the lease's, unix seconds."""

    index: Index
    incident: Incident
    lease: Lease
    issued_at: float
    arrived: Instant


@dataclass(frozen=True, slots=True)
class Shared:
    """What a worker is told of one server: the documents of the pair in force, none without one.

    `counts`: whether the lease vouches for it now. `news`: when each source last brought a lease, CLOCK_BOOTTIME.
    """

    keys: bytes | None = None
    pair: Pair | None = None
    counts: bool = False
    news: Mapping[str, float] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def applied(pair: Pair) -> Applied:
    """A pair as the rest of the program reads it."""
    lease = pair.lease.document
    return Applied(pair.index, pair.incident.document, lease, times.from_text(lease.issued_at), pair.arrived)
