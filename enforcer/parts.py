"""The parts of an enforcer, wired to one another: whoever serves them, a process of its own or a program around it."""

import asyncio
from collections.abc import Callable, Collection
from functools import partial
from urllib.parse import urlsplit

from enforcer.config import Config
from enforcer.config_file import Upstream
from enforcer.contract import redis_names
from enforcer.contract.keys import Role, SigningKey
from enforcer.journal.journal import Journal
from enforcer.journal.problems import JournalUnavailable
from enforcer.link.celery_out import CelerySender
from enforcer.link.hooks import Hooks
from enforcer.link.link import Link, LinkSettings
from enforcer.link.local_stop import Stop
from enforcer.link.redis_in import connector
from enforcer.link.shared_rates import SharedRates
from enforcer.link.ship import Shipper
from enforcer.link.state import Applied
from enforcer.mcp.sessions import Session, Sessions
from enforcer.metrics import Metrics
from enforcer.observe.loop_watch import LoopWatch
from enforcer.pipeline.decide import refused_now
from enforcer.pipeline.gate import Gate
from enforcer.pipeline.inflight import Flights
from enforcer.pipeline.own_receipts import stop_receipt
from enforcer.pipeline.server import Behind
from enforcer.secrets_on_disk import hmac_keys, read_secret

MAX_SESSIONS = 8  # of a principal at a server: each may be a process (MCP_WIRE section 5)

MakeServer = Callable[[Upstream, Metrics, Callable[[], None]], Behind]  # the last: the server says its list changed


class Parts:
    """Of one enforcer. `hosts`: what a request's Host header may say."""

    def __init__(
        self, config: Config, key: SigningKey, journal: Journal, make_server: MakeServer, hosts: Collection[str]
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
            journal_depth=journal.depth,
            warnings=self._warnings,
            on_rejected=metrics.rejected,
            on_incident=metrics.killed,
            on_local_stop=self._record_stop,
        )
        settings = _link_settings(config, key)
        self.link = Link(settings, hooks)
        shared_rates = SharedRates(connector(settings.redis_url, settings.password_file))
        self.shipper = _shipper(config, key, journal, self.link)
        self.gate = Gate(
            config=config,
            link=self.link,
            journal=journal,
            servers=self._servers,
            sessions=Sessions(on_end=self._session_ended, max_per_principal=MAX_SESSIONS),
            hmac_keys=hmac_keys(config.data_dir),
            allowed_hosts=frozenset(h.lower() for h in hosts),
            allowed_origins=_allowed_origins(config),
            metrics=metrics,
            flights=flights,
            shared_rates=shared_rates,
            wall=self.link.wall,
        )

    async def close(self) -> None:
        """End what was started, and give the last receipts a moment to leave."""
        for server in self._servers.values():
            await server.close()
        if self.gate.shared_rates is not None:
            await self.gate.shared_rates.close()
        await asyncio.to_thread(self.shipper.close)

    def _acked(self, envelope: bytes) -> None:
        self.shipper.acknowledge(envelope)

    def _changed(self, server_id: str, applied: Applied | None) -> None:
        if applied is not None and applied.incident.egress_blocked:
            self._servers[server_id].cut_off()
        self.gate.flights.stop_refused(server_id, lambda call, facts: refused_now(self.gate, call, facts))
        self.gate.streams.wake(server_id)

    def _list_changed(self, server_id: str) -> None:
        self.gate.catalog(server_id).wanted.set()

    async def _record_stop(self, stop: Stop) -> bool:
        try:
            await self.gate.journal.record(stop_receipt(self.gate, stop))
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
            *self.shipper.problems(),
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


def _link_settings(config: Config, key: SigningKey) -> LinkSettings:
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


def _shipper(config: Config, key: SigningKey, journal: Journal, link: Link) -> Shipper:
    redis = config.file.receipts_redis
    password = read_secret(config.data_dir / redis.password_file)
    return Shipper(
        journal,
        enforcer_id=config.enforcer_id,
        key=key,
        make_sender=lambda: CelerySender(redis.url, password, redis_names.receipts_queue(config.enforcer_id)),
        ack_keys=lambda: link.public_keys(Role.ACK),
    )


def _allowed_origins(config: Config) -> frozenset[str]:
    parts = urlsplit(config.file.public_url)
    return frozenset(o.lower() for o in (f"{parts.scheme}://{parts.netloc}", *config.file.allowed_origins))
