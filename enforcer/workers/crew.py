"""What the link process knows of its workers: what each was told, what each has in force, what they count together."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from msgspec.structs import replace

from enforcer.contract.fleet import ServerState
from enforcer.link.link import Link
from enforcer.link.local_stop import Stop
from enforcer.link.state import Pair, Shared
from enforcer.link.wire import Acknowledged, Channel, HostWord, News, Standing


@dataclass(slots=True, eq=False)
class Worker:
    """One that runs. `holds`: the oldest that it may still decide by; where it was told nothing, nothing passes."""

    number: int
    channel: Channel
    told: dict[str, Shared] = field(default_factory=dict)
    holds: dict[str, ServerState] = field(default_factory=dict)
    standing: Standing | None = None


class Crew:
    """The workers that run. `changed` is called when what they have in force has changed."""

    def __init__(self, server_ids: Iterable[str], changed: Callable[[], None]) -> None:
        self._servers, self._changed = tuple(server_ids), changed
        self._workers: dict[int, Worker] = {}
        self._word: Stop | None = None

    @property
    def workers(self) -> tuple[Worker, ...]:
        """Those that run."""
        return tuple(self._workers.values())

    def joined(self, worker: Worker, link: Link) -> None:
        """A new one: it is told everything."""
        self._workers[worker.number] = worker
        worker.channel.send(HostWord(stop=self._word))
        self._tell(worker, link)

    def left(self, worker: Worker) -> None:
        """It has ended, and with it all that it had in flight."""
        if self._workers.get(worker.number) is worker:
            del self._workers[worker.number]
        self._changed()

    def sync(self, link: Link) -> None:
        """Tell every worker what is another than it was told."""
        word = link.local_stop()
        if word != self._word:
            self._word = word
            for worker in self.workers:
                worker.channel.send(HostWord(stop=word))
        for worker in self.workers:
            self._tell(worker, link)

    def acknowledged(self, envelope: bytes) -> None:
        """Each worker knows its own chains."""
        for worker in self.workers:
            worker.channel.send(Acknowledged(envelope=envelope))

    def stands(self, worker: Worker, standing: Standing) -> None:
        """What a worker says of itself. Nothing in force may be said before its first news have reached it."""
        before, worker.standing = worker.standing, standing
        for server_id, state in standing.servers.items():
            if state.snapshot_hash:
                worker.holds[server_id] = state
        if before is None or _reached(before) != _reached(standing):
            self._changed()

    def slowest(self, server_id: str, state: ServerState) -> ServerState:
        """Of the link process's own state, what every worker has reached (DESIGN section 6)."""
        if not self._workers or not state.snapshot_hash:  # nobody serves: nothing is confirmed
            return ServerState(snapshot_version=0, incident_epoch=0, in_flight_matching=0, problems=state.problems)
        held = [worker.holds[server_id] for worker in self.workers if server_id in worker.holds]
        # What differs is older: a worker is never ahead of the process that tells it.
        policy = min((o for o in held if o.snapshot_hash != state.snapshot_hash), key=_version, default=state)
        stops = min((o for o in held if o.incident_hash != state.incident_hash), key=_epoch, default=state)
        return replace(
            state,
            snapshot_version=policy.snapshot_version,
            snapshot_hash=policy.snapshot_hash,
            incident_epoch=stops.incident_epoch,
            incident_hash=stops.incident_hash,
            lease_age_s=_oldest([state.lease_age_s, *(one.lease_age_s for one in held)]),
        )

    def in_flight(self, server_id: str) -> int:
        """Calls that a kill stopped and that have not ended; a worker that lags behind the host counts as one."""
        behind = sum(1 for worker in self.workers if worker.holds and not self._follows(worker))
        return sum(state.in_flight_matching for state in self._said(server_id)) + behind

    def under_way(self, server_id: str) -> tuple[int, int]:
        """Calls that have not ended, and open sessions."""
        said = self._said(server_id)
        return sum(state.calls_in_flight for state in said), sum(state.sessions for state in said)

    def depth(self) -> int:
        """Receipts in the workers' journals that are not acknowledged."""
        return sum(worker.standing.journal_depth for worker in self.workers if worker.standing is not None)

    def warnings(self) -> list[str]:
        """Theirs, each once."""
        return list(dict.fromkeys(line for w in self.workers if w.standing is not None for line in w.standing.warnings))

    def ready(self, number: int) -> bool:
        """Whether so many run and each had policy in force for every server."""
        return len(self._workers) == number and all(w.standing is not None and w.standing.ready for w in self.workers)

    def _said(self, server_id: str) -> list[ServerState]:
        said = (worker.standing.servers.get(server_id) for worker in self.workers if worker.standing is not None)
        return [state for state in said if state is not None]

    def _follows(self, worker: Worker) -> bool:
        return worker.standing is not None and worker.standing.stop == self._word

    def _tell(self, worker: Worker, link: Link) -> None:
        for server_id in self._servers:
            shared, told = link.shared(server_id), worker.told.get(server_id, Shared())
            if shared == told:
                continue
            worker.told[server_id] = shared
            if shared.pair is not None and server_id not in worker.holds:
                worker.holds[server_id] = _state(shared.pair)
            worker.channel.send(_news(server_id, told, shared, link.greatest_wall()))


def _news(server_id: str, told: Shared, shared: Shared, greatest_wall: float) -> News:
    pair, before = shared.pair, told.pair
    return News(
        server_id=server_id,
        in_force=pair is not None,
        counts=shared.counts,
        keys=_unless_told(shared.keys, told.keys),
        lease=_unless_told(pair.lease.envelope, before.lease.envelope if before else None) if pair else None,
        incident=_unless_told(pair.incident.envelope, before.incident.envelope if before else None) if pair else None,
        snapshot=_unless_told(pair.snapshot.envelope, before.snapshot.envelope if before else None) if pair else None,
        arrived=pair.arrived if pair else None,
        hashes=(pair.snapshot.digest, pair.incident.digest) if pair else ("", ""),
        news=shared.news,
        problems=shared.problems,
        greatest_wall=greatest_wall,
    )


def _unless_told(now: bytes | None, before: bytes | None) -> bytes | None:
    return None if now == before else now


def _state(pair: Pair) -> ServerState:
    return ServerState(
        snapshot_version=pair.snapshot.document.version,
        incident_epoch=pair.incident.document.epoch,
        in_flight_matching=0,
        snapshot_hash=pair.snapshot.digest,
        incident_hash=pair.incident.digest,
    )


def _reached(standing: Standing) -> object:
    """What a confirmation is made of; ages change all the time."""
    return standing.ready, {
        server_id: (state.snapshot_hash, state.incident_hash, state.in_flight_matching)
        for server_id, state in standing.servers.items()
    }


def _version(state: ServerState) -> int:
    return state.snapshot_version


def _epoch(state: ServerState) -> int:
    return state.incident_epoch


def _oldest(ages: Iterable[float | None]) -> float | None:
    """The greatest; none where one has none."""
    known = list(ages)
    return None if None in known else max((age for age in known if age is not None), default=None)
