"""How verified policy gets into this process and stays fresh, and what the fleet hears of it.

From Redis, straight from the control plane when Redis is quiet, from the disk when both are away. Nothing here is on a
call's path: `current` and `lease_age` read memory.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from enforcer.contract.keys import PublicKey, Role, SigningKey
from enforcer.link import store
from enforcer.link.clocks import Clocks
from enforcer.link.direct import Direct
from enforcer.link.heartbeat import Beats
from enforcer.link.holdings import Holdings, Source
from enforcer.link.hooks import Hooks
from enforcer.link.local_stop import LocalStop, Stop, StopHooks
from enforcer.link.notes import Notes
from enforcer.link.redis_in import RedisIn, connector
from enforcer.link.state import Applied, Shared
from enforcer.policy.index import build_index

RESTART_S = 1.0
FIRST_NEWS_S = 1.0
LOOK_S = 0.02

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSettings:
    """Plain values out of the enforcer's file. `password_file` is absolute."""

    enforcer_id: str
    server_ids: tuple[str, ...]
    root_keys: tuple[PublicKey, ...]
    data_dir: Path
    key: SigningKey
    redis_url: str
    password_file: Path
    control_plane_url: str


class Link:
    """One for the process."""

    def __init__(self, settings: LinkSettings, hooks: Hooks, clocks: Clocks | None = None) -> None:
        self._servers, self._hooks, self._clocks = settings.server_ids, hooks, clocks or Clocks()
        self._notes = Notes(on_rejected=hooks.on_rejected)
        self._ready, self._settled = asyncio.Event(), False
        self._holdings = Holdings(
            settings.server_ids,
            {key.keyid: key for key in settings.root_keys},
            settings.data_dir / store.NAME,
            load=build_index,
            notes=self._notes,
            time=self._clocks,
            on_change=self._changed,
            on_incident=hooks.on_incident,
        )
        self._holdings.on_state = hooks.on_state
        common = (settings.enforcer_id, settings.server_ids, self._holdings, self._notes, hooks)
        connect = connector(settings.redis_url, settings.password_file)
        self._redis = RedisIn(connect, *common)
        self._beats = Beats(connect, settings.key, *common)
        self._direct = Direct(settings.control_plane_url, settings.key, *common[:4])
        self._local = LocalStop(
            settings.data_dir,
            StopHooks(on_change=self._stopped_or_let_go, in_flight=self._in_flight, record=hooks.on_local_stop),
        )

    async def run(self) -> None:
        """Start from the disk, then stay in touch until cancelled."""
        await asyncio.to_thread(self._holdings.restore)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._settle(), name="link: first news")
            for name, part in (
                ("redis", self._redis.run),
                ("control plane", self._direct.run),
                ("heartbeat", self._beats.run),
                ("leases to disk", self._holdings.keep_leases),
                ("stop on this host", self._local.run),
            ):
                tasks.create_task(self._keep(name, part), name=f"link: {name}")

    def current(self, server_id: str) -> Applied | None:
        """Policy in force, killed whole where somebody stopped it on this host; none until a verified pair is there."""
        return self._local.over(server_id, self._holdings.current(server_id)) if self._settled else None

    def shared(self, server_id: str) -> Shared:
        """What workers decide by; nothing of the disk's before there was a moment for news."""
        return self._holdings.shared(server_id) if self._settled else Shared()

    def local_stop(self) -> Stop | None:
        """Who stopped this enforcer on its host; none where nobody did."""
        return self._local.stop if self._local.raised else None

    def lease_age(self, server_id: str) -> float | None:
        """Seconds since the control plane vouched for it, by the less flattering clock; none where no lease counts."""
        return self._holdings.lease_age(server_id)

    def quiet_s(self, server_id: str, source: Source) -> float | None:
        """Seconds since Redis, or the control plane directly, last brought a new lease; none if it never did."""
        return self._holdings.quiet_s(server_id, source)

    def problems(self, server_id: str) -> tuple[str, ...]:
        """What was wrong in the last minute."""
        return self._notes.shown(server_id)

    def public_keys(self, role: Role) -> Mapping[str, PublicKey]:
        """Key id → key, of the newest key list; empty without one."""
        return self._holdings.keys(role)

    def generation(self) -> int:
        """The newest that the root signed; 0 without a key list."""
        return self._holdings.generation()

    def wall(self) -> float:
        """Wall time in unix seconds for expiries, never behind the greatest seen."""
        return self._clocks.wall()

    def greatest_wall(self) -> float:
        """The greatest wall time ever seen, unix seconds."""
        return self._clocks.greatest_wall

    def beat(self) -> None:
        """Send a heartbeat now: something that it reports has changed."""
        self._beats.changed.set()

    async def wait_ready(self) -> None:
        """Until every server has policy in force."""
        await self._ready.wait()

    def _changed(self, server_id: str, applied: Applied | None) -> None:
        self._hooks.on_change(server_id, self._local.over(server_id, applied))
        self._see_if_ready()
        self.beat()

    def _stopped_or_let_go(self) -> None:
        for server_id in self._servers:
            self._hooks.on_change(server_id, self.current(server_id))
        self._hooks.on_state()
        self.beat()

    def _in_flight(self) -> int:
        return sum(map(self._hooks.in_flight_matching, self._servers))

    async def _settle(self) -> None:
        """What is on disk may be older than a kill: it waits a moment for news before it decides anything."""
        end = asyncio.get_running_loop().time() + FIRST_NEWS_S
        while not all(map(self._has_news, self._servers)) and asyncio.get_running_loop().time() < end:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_S)
        self._settled = True
        self._see_if_ready()
        self._hooks.on_state()

    def _has_news(self, server_id: str) -> bool:
        return any(self._holdings.quiet_s(server_id, source) is not None for source in ("redis", "direct"))

    def _see_if_ready(self) -> None:
        if all(self.current(server_id) for server_id in self._servers):
            self._ready.set()

    async def _keep(self, name: str, part: Callable[[], Awaitable[None]]) -> None:
        """A bug in one part must neither end the others nor pass in silence: policy would grow stale unnoticed."""
        while True:
            try:
                await part()
            except Exception:  # the outermost place of these loops; everything expected is caught inside
                log.exception("the part %r of the policy link failed and starts again", name)
                self._notes.problem(None, f"{name}: internal error, see the log")
            await asyncio.sleep(RESTART_S)
