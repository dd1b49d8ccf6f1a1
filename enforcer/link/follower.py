"""The policy link of a worker: it holds what the link process above it holds, verified once more.

Documents come over a socket that only the two have. Whether a lease counts as news is decided above (its nonce, the
control plane's word); how old it is, here, by the same clocks. Without the link process nothing is in force.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping

from msgspec.structs import replace

from enforcer.contract.fleet import ServerState
from enforcer.contract.keys import PublicKey, Role
from enforcer.link import clocks
from enforcer.link.clocks import Clocks, Instant
from enforcer.link.holdings import Source, incident_took, same_documents
from enforcer.link.hooks import Hooks
from enforcer.link.local_stop import Stop, Stopped
from enforcer.link.state import Applied, Envelopes, Trusted, applied
from enforcer.link.trusted import update
from enforcer.link.wire import Acknowledged, Channel, Counted, Frame, HostWord, News, Show, Standing
from enforcer.policy.index import build_index

EVERY_S = 0.5

log = logging.getLogger(__name__)


class Follower:
    """One for the worker. `hear` gets what is no policy; `lost` is called once when the link process is gone."""

    def __init__(
        self,
        server_ids: tuple[str, ...],
        roots: tuple[PublicKey, ...],
        hooks: Hooks,
        channel: Channel,
        frames: AsyncIterator[Frame],
        *,
        hear: Callable[[Counted | Show], None],
        lost: Callable[[], None],
        clocks: Clocks | None = None,
    ) -> None:
        self._servers, self._hooks, self._channel, self._clocks = server_ids, hooks, channel, clocks or Clocks()
        self._frames, self._hear, self._lost = frames, hear, lost
        by_id = {key.keyid: key for key in roots}
        self._states = {server_id: Trusted(server_id, by_id, nonce=None) for server_id in server_ids}
        self._applied: dict[str, Applied] = {}
        self._news: dict[str, News] = {}
        self._host = Stopped(None)
        self._ready, self._beat = asyncio.Event(), asyncio.Event()

    async def run(self) -> None:
        """Follow until cancelled, or the link process is gone."""
        async with asyncio.TaskGroup() as tasks:
            telling = tasks.create_task(self._tell(), name="tell the link process")
            async for frame in self._frames:
                await self._take(frame)
            telling.cancel()
        for server_id in self._servers:
            self._drop(server_id)
        self._lost()

    def current(self, server_id: str) -> Applied | None:
        """As of `Link`."""
        return self._host.over(server_id, self._applied.get(server_id))

    def local_stop(self) -> Stop | None:
        """As of `Link`."""
        return self._host.stop if self._host.raised else None

    def lease_age(self, server_id: str) -> float | None:
        """As of `Link`."""
        found, news = self._applied.get(server_id), self._news.get(server_id)
        if found is None or news is None or not news.counts or self._clocks.behind_s():
            return None
        return clocks.since(found.issued_at, found.arrived, self._clocks.now())

    def quiet_s(self, server_id: str, source: Source) -> float | None:
        """As of `Link`."""
        at = self._news[server_id].news.get(source) if server_id in self._news else None
        return None if at is None else self._clocks.now().boot - at

    def problems(self, server_id: str) -> tuple[str, ...]:
        """As of `Link`, when it last told."""
        return self._news[server_id].problems if server_id in self._news else ()

    def public_keys(self, role: Role) -> Mapping[str, PublicKey]:
        """As of `Link`."""
        lists = [state.keys.document for state in self._states.values() if state.keys]
        return max(lists, key=lambda k: k.order).of(role) if lists else {}

    def wall(self) -> float:
        """As of `Link`."""
        return self._clocks.wall()

    def beat(self) -> None:
        """Tell the link process now."""
        self._beat.set()

    async def wait_ready(self) -> None:
        """As of `Link`."""
        await self._ready.wait()

    async def _take(self, frame: Frame) -> None:
        if isinstance(frame, News):
            await self._take_news(frame)
        elif isinstance(frame, HostWord):
            self._take_word(frame.stop)
        elif isinstance(frame, Acknowledged):
            self._hooks.on_ack(frame.envelope)
        elif isinstance(frame, Counted | Show):
            self._hear(frame)

    async def _take_news(self, news: News) -> None:
        came, old = self._clocks.now(), self._states[news.server_id]
        offered = Envelopes(news.keys, news.lease, news.incident, news.snapshot)
        at = news.arrived or came
        if offered.snapshot is None:
            new, rejections = update(old, offered, now=at, load=build_index)
        else:  # a large one takes a while to index
            new, rejections = await asyncio.to_thread(update, old, offered, now=at, load=build_index)
        for rejection in rejections:
            log.error("the link process told of what can't be verified here: %s", rejection)
        self._states[news.server_id], self._news[news.server_id] = new, news
        self._clocks.greatest_wall = news.greatest_wall  # a control plane may prove that a greater one was wrong
        if news.in_force and _hashes(new) == news.hashes:
            self._put(old, new, came)
        else:
            self._drop(news.server_id)
        self._send()

    def _put(self, old: Trusted, new: Trusted, came: Instant) -> None:
        assert new.applied is not None
        before = self._applied.get(new.server_id)
        self._applied[new.server_id] = applied(new.applied)
        if before is None or not same_documents(old, new):
            self._hooks.on_change(new.server_id, self.current(new.server_id))
            took = incident_took(old, new, came.boot, self._clocks.now())
            if took is not None:
                self._hooks.on_incident(new.server_id, *took)
        if all(self.current(server_id) for server_id in self._servers):
            self._ready.set()

    def _drop(self, server_id: str) -> None:
        if self._applied.pop(server_id, None) is not None:
            self._hooks.on_change(server_id, None)

    def _take_word(self, stop: Stop | None) -> None:
        if self._host.say(stop):
            for server_id in self._servers:
                self._hooks.on_change(server_id, self.current(server_id))
        self._send()

    async def _tell(self) -> None:
        """Now and then, and at once when asked to."""
        while True:
            self._send()
            try:
                async with asyncio.timeout(EVERY_S):
                    await self._beat.wait()
            except TimeoutError:
                continue

    def _send(self) -> None:
        self._beat.clear()
        self._channel.send(
            Standing(
                servers={server_id: self._held(server_id) for server_id in self._servers},
                stop=self._host.stop,
                journal_depth=self._hooks.journal_depth(),
                warnings=tuple(self._hooks.warnings()),
                ready=self._ready.is_set(),
            )
        )

    def _held(self, server_id: str) -> ServerState:
        in_flight = self._hooks.in_flight_matching(server_id)
        calls, sessions = self._hooks.under_way(server_id)
        held = ServerState(
            snapshot_version=0, incident_epoch=0, in_flight_matching=in_flight, calls_in_flight=calls, sessions=sessions
        )
        if server_id not in self._applied:
            return held
        pair, age = self._states[server_id].applied, self.lease_age(server_id)
        assert pair is not None
        return replace(
            held,
            snapshot_version=pair.snapshot.document.version,
            incident_epoch=pair.incident.document.epoch,
            snapshot_hash=pair.snapshot.digest,
            incident_hash=pair.incident.digest,
            lease_age_s=None if age is None else round(age, 3),
        )


def _hashes(known: Trusted) -> tuple[str, str]:
    pair = known.applied
    return (pair.snapshot.digest, pair.incident.digest) if pair else ("", "")
