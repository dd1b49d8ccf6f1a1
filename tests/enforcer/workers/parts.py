"""A link process and one worker, within one loop: real holdings above, a real follower below, a real socket between."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from enforcer.contract.fleet import ServerState
from enforcer.link.clocks import Clocks
from enforcer.link.follower import Follower
from enforcer.link.hooks import Hooks
from enforcer.link.local_stop import Stop
from enforcer.link.state import Applied, Shared
from enforcer.link.wire import TO_LINK, TO_WORKER, Channel, Counted, Show, Standing
from enforcer.workers.crew import Crew, Worker
from tests.enforcer.link.parts import until
from tests.enforcer.link.publisher import ROOT, SERVER, FakeTime, Gate


class Above:
    """What a crew asks of the policy link, out of a test's holdings."""

    def __init__(self, directory: Path) -> None:
        self.gate = Gate(directory, FakeTime())
        self.stop: Stop | None = None

    def shared(self, server_id: str) -> Shared:
        return self.gate.holdings.shared(server_id)

    def local_stop(self) -> Stop | None:
        return self.stop

    def greatest_wall(self) -> float:
        return self.gate.time.greatest_wall

    def own(self) -> ServerState:
        """As the heartbeat has it before the workers are asked."""
        found, hashes = self.gate.holdings.current(SERVER), self.gate.holdings.hashes(SERVER)
        return ServerState(
            snapshot_version=found.index.snapshot.version if found else 0,
            incident_epoch=found.incident.epoch if found else 0,
            in_flight_matching=0,
            lease_age_s=self.gate.holdings.lease_age(SERVER),
            snapshot_hash=hashes[0] if found else "",
            incident_hash=hashes[1] if found else "",
        )


class Below:
    """A worker, and what the crew hears of it once `hear` is set."""

    def __init__(self, number: int, above: Above, ours: Channel, theirs: Channel) -> None:
        self.worker, self._theirs = Worker(number, ours), theirs
        self.changes: list[Applied | None] = []
        self.in_flight, self.lost, self.heard = 0, False, list[Counted | Show]()
        self.under_way = (0, 0)
        self.deaf = False  # the crew doesn't hear it
        hooks = Hooks(
            on_change=lambda _server, applied: self.changes.append(applied),
            in_flight_matching=lambda _server: self.in_flight,
            under_way=lambda _server: self.under_way,
        )
        self.follower = Follower(
            (SERVER,),
            (ROOT.public,),
            hooks,
            theirs,
            theirs.frames(TO_WORKER),
            hear=self.heard.append,
            lost=self._lose,
            clocks=Clocks(lambda: above.gate.time.at),
        )

    def _lose(self) -> None:
        self.lost = True

    @property
    def state(self) -> tuple[int, int, int] | None:
        """As of `publisher.Gate`."""
        found = self.follower.current(SERVER)
        return None if found is None else (found.index.snapshot.version, found.incident.epoch, found.lease.counter)


class Both:
    """The crew above, and its workers."""

    def __init__(self, directory: Path) -> None:
        self.above, self.below = Above(directory), dict[int, Below]()
        self.crew = Crew((SERVER,), lambda: None)

    def sync(self) -> None:
        self.crew.sync(self.above)  # type: ignore[arg-type]

    def slowest(self) -> ServerState:
        return self.crew.slowest(SERVER, self.above.own())

    @asynccontextmanager
    async def worker(self, number: int = 1) -> AsyncIterator[Below]:
        """One more, as long as the block lasts."""
        pair = socket.socketpair()
        ours, theirs = [await Channel.over(end) for end in pair]
        made = self.below[number] = Below(number, self.above, ours, theirs)
        self.crew.joined(made.worker, self.above)  # type: ignore[arg-type]
        async with asyncio.TaskGroup() as tasks:
            started = [tasks.create_task(made.follower.run()), tasks.create_task(self._hear(made))]
            try:
                yield made
            finally:
                for task in started:
                    task.cancel()
                ours.close()
                theirs.close()
                self.crew.left(made.worker)

    async def _hear(self, made: Below) -> None:
        async for frame in made.worker.channel.frames(TO_LINK):
            while made.deaf:  # noqa: ASYNC110 - a test says when
                await asyncio.sleep(0.01)
            if isinstance(frame, Standing):
                self.crew.stands(made.worker, frame)

    async def agree(self) -> None:
        """Until every worker has reported what is in force above."""
        self.sync()
        await until(lambda: all(one.state == self.above.gate.state for one in self.below.values()))
        await until(lambda: self.slowest().incident_hash == self.above.own().incident_hash)
