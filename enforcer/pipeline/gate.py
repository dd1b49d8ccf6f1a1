"""Everything the stages need, put together once at start; no stage reaches for anything else."""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial

from enforcer.config import Config
from enforcer.contract.snapshot import Limits
from enforcer.contract.strict_json import JsonObject
from enforcer.discovery.catalog import Catalog
from enforcer.discovery.lister import Lister
from enforcer.identity.cache import TokenCache
from enforcer.journal.journal import Journal
from enforcer.link.counts import Counts
from enforcer.link.follower import Follower
from enforcer.link.link import Link
from enforcer.link.shared_rates import SharedRates
from enforcer.mcp.cursors import Cursors
from enforcer.mcp.sessions import Sessions
from enforcer.metrics import Metrics
from enforcer.pipeline.buckets import Buckets
from enforcer.pipeline.floods import Floods
from enforcer.pipeline.inflight import Flight, Flights
from enforcer.pipeline.open_streams import Streams
from enforcer.pipeline.server import Behind
from enforcer.pipeline.sights import Sights


@dataclass(slots=True)
class Gate:
    """One per process. `hmac_keys`: server id → (key id, key) for hashes of arguments."""

    config: Config
    link: Link | Follower
    journal: Journal
    servers: Mapping[str, Behind]
    sessions: Sessions
    hmac_keys: Mapping[str, tuple[str, bytes]]
    allowed_hosts: Collection[str]
    allowed_origins: Collection[str]
    metrics: Metrics
    flights: Flights
    cursors: Cursors = field(default_factory=Cursors)
    streams: Streams = field(default_factory=Streams)
    floods: Floods = field(default_factory=Floods)
    buckets: Buckets = field(default_factory=Buckets)
    shared_rates: SharedRates | None = None  # without it nothing that is limited so has room
    worker_rates: Counts | None = None  # in a worker: what all of them count together
    tokens: TokenCache = field(default_factory=TokenCache)
    catalogs: dict[str, Catalog] = field(default_factory=dict)
    seen: dict[str, Sights] = field(default_factory=dict)
    listers: dict[str, Lister] = field(default_factory=dict)
    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic

    def catalog(self, server_id: str) -> Catalog:
        """What is known of a server's tools."""
        known = self.catalogs.get(server_id)
        if known is None:
            known = self.catalogs[server_id] = Catalog(partial(self.streams.wake, server_id))
        return known

    def sights(self, server_id: str) -> Sights:
        """What listening callers are shown of a server."""
        known = self.seen.get(server_id)
        if known is None:
            known = self.seen[server_id] = Sights(self.catalog(server_id))
        return known

    def lister(self, server_id: str) -> Lister:
        """How the gate itself lists a server's tools."""
        return self.listers.setdefault(server_id, Lister())

    def limits(self, server_id: str) -> Limits:
        """Of the policy; the defaults until there is one."""
        policy = self.link.current(server_id)
        return policy.index.snapshot.server.limits if policy else Limits()

    def landed(self, flight: Flight) -> None:
        """Its receipt is written; when it was the last that a kill stopped, the fleet hears it at once."""
        self.flights.leave(flight)
        server_id = flight.call.server_id
        if flight.stopped is not None and not self.flights.stopping(server_id):
            self.link.beat()

    def ready(self) -> bool:
        """Whether every server has a policy and the journal takes receipts."""
        return all(self.link.current(server_id) for server_id in self.servers) and not self.journal.problem()

    def resource_metadata(self, path: str) -> JsonObject:
        """RFC 9728, of the resource at `path`; from the configured public URL, never from the request."""
        public = self.config.file.public_url.rstrip("/")
        return {
            "resource": f"{public}{path}",
            "authorization_servers": [self.config.file.control_plane.url],
            "bearer_methods_supported": ["header"],
        }
