"""Enforcers by their own signed word: who lives, who runs on what is newest, whose receipts wait."""

from collections.abc import Callable, Iterator

from prometheus_client.core import Metric

from controlplane.fleet.models import ACTIVE, Enforcer
from controlplane.fleet.standing import ServerStanding, Standing, standings
from controlplane.observability.readings.family import gauge, gauges
from enforcer.contract.fleet import ServerState

STATES = ("live", "silent", "unseen")
Number = Callable[[ServerStanding, ServerState], int]


def read() -> Iterator[Metric]:
    """Four questions to the database, one to Redis; without Redis only the number of enforcers is known."""
    enforcers = list(Enforcer.objects.filter(ACTIVE).order_by("id").prefetch_related("servers__trust_level"))
    standing = standings(enforcers)
    answered = all(each.word != "unknown" for each in standing.values())
    yield gauge("enforcers_enrolled", "Enforcers that are not decommissioned", len(enforcers))
    if answered:
        yield from _states(standing)


def _states(standing: dict[str, Standing]) -> Iterator[Metric]:
    live = {id_: each for id_, each in standing.items() if each.beat is not None}
    states = {state: sum(_state(each) == state for each in standing.values()) for state in STATES}
    yield gauges("enforcers", "Enforcers by what is heard of them", "state", states)
    heard = {id_: float(id_ in live) for id_ in standing}
    yield gauges("enforcer_live", "1 if it has sent a heartbeat in the last ten seconds", "enforcer", heard)
    versions = {id_: _behind(each, _versions) for id_, each in live.items()}
    yield gauges("enforcer_versions_behind", "Snapshots between applied and newest", "enforcer", versions)
    epochs = {id_: _behind(each, _epochs) for id_, each in live.items()}
    yield gauges("enforcer_epochs_behind", "Incident states between applied and newest", "enforcer", epochs)
    depths = {id_: float(each.beat.journal_depth) for id_, each in live.items() if each.beat}
    yield gauges("enforcer_journal_depth", "Receipts that it holds and nobody has acknowledged", "enforcer", depths)


def _state(standing: Standing) -> str:
    if standing.beat is not None:
        return "live"
    return "unseen" if standing.word == "never heard of" else "silent"


def _behind(standing: Standing, number: Number) -> float:
    """Of the server that is furthest behind; one it says nothing of counts as one behind."""
    return max((1 if each.state is None else number(each, each.state) for each in standing.servers), default=0)


def _versions(server: ServerStanding, state: ServerState) -> int:
    return 0 if server.has_version else max(1, (server.newest.version or 0) - state.snapshot_version)


def _epochs(server: ServerStanding, state: ServerState) -> int:
    return 0 if server.has_epoch else max(1, (server.newest.epoch or 0) - state.incident_epoch)
