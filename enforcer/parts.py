"""The parts of an enforcer, wired to one another: whoever serves them, a process of its own or a program around it."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from enforcer.config import Config
from enforcer.config_file import Upstream
from enforcer.contract.keys import SigningKey
from enforcer.journal.journal import Journal
from enforcer.journal.problems import JournalUnavailable
from enforcer.link.counts import Counts
from enforcer.link.follower import Follower
from enforcer.link.hooks import Hooks
from enforcer.link.link import Link, LinkSettings
from enforcer.link.local_stop import Stop
from enforcer.link.redis_in import connector
from enforcer.link.shared_rates import SharedRates
from enforcer.link.state import Applied
from enforcer.mcp.cursors import Cursors
from enforcer.mcp.sessions import Session, Sessions
from enforcer.metrics import Metrics
from enforcer.observe.loop_watch import LoopWatch
from enforcer.pipeline.decide import refused_now
from enforcer.pipeline.gate import Gate
from enforcer.pipeline.inflight import Flights
from enforcer.pipeline.own_receipts import stop_receipt
from enforcer.pipeline.server import Behind
from enforcer.secrets_on_disk import hmac_keys
from enforcer.shipments import Shipments

MAX_SESSIONS = 8  # of a principal at a server: each may be a process (MCP_WIRE section 5)

MakeLink = Callable[[LinkSettings, Hooks], Link | Follower]
MakeServer = Callable[[Upstream, Metrics, Callable[[], None]], Behind]  # the last: the server says its list changed


@dataclass(frozen=True, slots=True)
class Place:
    """Where a gate runs: by itself, or as a worker of that number below a link process.

    `older`: journals of workers that run no more, which this process ships besides its own.
    """

    make_link: MakeLink = Link
    worker: int = 0
    cursor_key: bytes | None = None
    rates: Counts | None = None
    older: Sequence[Journal] = ()


class Parts:
    """Of one enforcer. `hosts`: what a request's Host header may say."""

    def __init__(
        self,
        config: Config,
        key: SigningKey,
        journal: Journal,
        make_server: MakeServer,
        hosts: Collection[str],
        place: Place = Place(),
    ) -> None:
        flights, metrics = Flights(), Metrics(config.server_ids)
        self.watch = LoopWatch(metrics.loop_lag_seconds.observe)
        self._servers = {
            u.server: make_server(u, metrics, partial(self._list_changed, u.server)) for u in config.file.upstream
        }
        journal.on_timing(metrics.journal_commit_seconds.observe)
        hooks = Hooks(
            on_change=self._changed,
            on_ack=self._acked,
            in_flight_matching=flights.stopping,
            under_way=lambda server_id: (flights.count(server_id), self.gate.sessions.count(server_id)),
            journal_depth=lambda: self.shipments.depth(),  # noqa: PLW0108 - made below
            warnings=self._warnings,
            on_rejected=metrics.rejected,
            on_incident=metrics.killed,
            on_local_stop=self._record_stop,
        )
        settings = link_settings(config, key)
        self.link = place.make_link(settings, hooks)
        shared_rates = SharedRates(connector(settings.redis_url, settings.password_file))
        self.shipments = Shipments(config, key, (journal, *place.older), self.link)
        self.gate = Gate(
            config=config,
            link=self.link,
            journal=journal,
            servers=self._servers,
            sessions=Sessions(on_end=self._session_ended, max_per_principal=MAX_SESSIONS, worker=place.worker),
            hmac_keys=hmac_keys(config.data_dir),
            allowed_hosts=frozenset(h.lower() for h in hosts),
            allowed_origins=_allowed_origins(config),
            metrics=metrics,
            flights=flights,
            cursors=Cursors(place.cursor_key),
            shared_rates=shared_rates,
            worker_rates=place.rates,
            wall=self.link.wall,
        )

    async def close(self) -> None:
        """End what was started, and give the last receipts a moment to leave."""
        for server in self._servers.values():
            await server.close()
        if self.gate.shared_rates is not None:
            await self.gate.shared_rates.close()
        await asyncio.to_thread(self.shipments.close)

    def _acked(self, envelope: bytes) -> None:
        self.shipments.acknowledge(envelope)

    def _changed(self, server_id: str, applied: Applied | None) -> None:
        if applied is not None and applied.incident.egress_blocked:
            self._servers[server_id].cut_off()
        self.gate.flights.stop_refused(server_id, lambda call, facts: refused_now(self.gate, call, facts))
        self.gate.streams.wake(server_id)

    def _list_changed(self, server_id: str) -> None:
        self.gate.catalog(server_id).wanted.set()

    async def _record_stop(self, stop: Stop) -> bool:
        try:
            await self.gate.journal.record(stop_receipt(self.gate.config.enforcer_id, stop, self.gate.wall()))
        except JournalUnavailable:
            return False
        return True

    def _session_ended(self, session: Session) -> None:
        self._servers[session.server_id].release(session.owner)
        self.gate.streams.end_session(session)

    def _warnings(self) -> tuple[str, ...]:
        found = [server.warning for server in self._servers.values() if server.warning]
        problem, stop = self.gate.journal.problem(), self.link.local_stop()
        uncounted = self.gate.shared_rates.problem() if self.gate.shared_rates else ""
        stopped = (f"stopped on its host by {stop.by or 'somebody'}: {stop.reason}"[:300],) if stop else ()
        lists = [line for id_ in self._servers for line in self._list_warnings(id_)]
        rates = (f"shared rates can't be counted: {uncounted}",) if uncounted else ()
        return (
            *stopped,
            *found,
            *lists,
            *rates,
            *((f"journal: {problem}",) if problem else ()),
            *self.shipments.problems(),
        )

    def _list_warnings(self, server_id: str) -> list[str]:
        catalog = self.gate.catalog(server_id)
        policy = self.link.current(server_id)
        said = [f"{server_id}: it lists {name!a} more than once; nobody can call that" for name in catalog.twice()[:3]]
        if policy is not None and policy.incident.egress_blocked and not self._servers[server_id].launched:
            said.append(
                f"{server_id}: its egress is blocked, and it runs elsewhere: only calls that name a URL are refused"
            )
        if catalog.left_out:
            said.append(f"{server_id}: its tools change too often, {catalog.left_out} changes are not reported yet")
        return said


def link_settings(config: Config, key: SigningKey) -> LinkSettings:
    """Out of the file."""
    return LinkSettings(
        enforcer_id=config.enforcer_id,
        server_ids=config.server_ids,
        root_keys=config.root_keys,
        data_dir=config.data_dir,
        key=key,
        redis_url=config.file.policy_redis.url,
        password_file=config.data_dir / config.file.policy_redis.password_file,
        control_plane_url=config.file.control_plane.url,
    )


def _allowed_origins(config: Config) -> frozenset[str]:
    parts = urlsplit(config.file.public_url)
    return frozenset(o.lower() for o in (f"{parts.scheme}://{parts.netloc}", *config.file.allowed_origins))
