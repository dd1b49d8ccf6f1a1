"""How each enforcer stands: its own signed word beside what is published. Unknown is never shown as anything else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from controlplane.fleet.convergence import stops_by
from controlplane.fleet.heartbeats import heard
from controlplane.fleet.models import Enforcer
from controlplane.policy.models import Published
from enforcer.contract.fleet import Heartbeat, ServerState


@dataclass(frozen=True, slots=True)
class Newest:
    """What is published for a server; nothing before the publisher's first word."""

    version: int | None = None
    version_hash: str = ""
    epoch: int | None = None
    epoch_hash: str = ""


@dataclass(frozen=True, slots=True)
class ServerStanding:
    """`state` is what the enforcer says; none where it says nothing of this server."""

    server_id: str
    newest: Newest
    state: ServerState | None

    @property
    def has_version(self) -> bool:
        """Runs on the very snapshot that is newest."""
        state, newest = self.state, self.newest
        return state is not None and (state.snapshot_version, state.snapshot_hash) == (
            newest.version, newest.version_hash,
        )  # fmt: skip

    @property
    def has_epoch(self) -> bool:
        """Holds the very incident state that is newest."""
        state, newest = self.state, self.newest
        return state is not None and (state.incident_epoch, state.incident_hash) == (newest.epoch, newest.epoch_hash)


@dataclass(frozen=True, slots=True)
class Standing:
    """`word` is for a person: current, behind, silent, never heard of, unknown or decommissioned."""

    word: str
    tone: str
    servers: tuple[ServerStanding, ...]
    beat: Heartbeat | None = None
    stops_by: datetime | None = None


def standings(enforcers: Sequence[Enforcer]) -> dict[str, Standing]:
    """Of enforcers whose `servers__trust_level` are prefetched: one question to Redis, one to the database."""
    beats = heard(enforcers)
    newest = _newest({server.id for enforcer in enforcers for server in enforcer.servers.all()})
    return {enforcer.id: _standing(enforcer, beats, newest) for enforcer in enforcers}


def _standing(enforcer: Enforcer, beats: Mapping[str, Heartbeat] | None, newest: Mapping[str, Newest]) -> Standing:
    beat = (beats or {}).get(enforcer.id)
    said = beat.servers if beat else {}
    ids = sorted(server.id for server in enforcer.servers.all())
    servers = tuple(ServerStanding(id_, newest.get(id_, Newest()), said.get(id_)) for id_ in ids)
    if enforcer.decommissioned_at is not None:
        return Standing("decommissioned", "quiet", servers, beat)
    if beats is None:
        return Standing("unknown", "person", servers)
    if beat is None:
        return _unheard(enforcer, servers)
    current = all(server.has_version and server.has_epoch for server in servers)
    return Standing("current" if current else "behind", "good" if current else "person", servers, beat)


def _unheard(enforcer: Enforcer, servers: tuple[ServerStanding, ...]) -> Standing:
    if enforcer.last_seen_at is None:
        return Standing("never heard of", "person", servers)
    until = datetime.fromtimestamp(stops_by(enforcer, None, {server.server_id for server in servers}), UTC)
    return Standing("silent", "bad", servers, stops_by=until)


def _newest(server_ids: set[str]) -> dict[str, Newest]:
    rows = Published.objects.filter(server_id__in=server_ids).values_list(
        "server_id", "snapshot__number", "snapshot__payload_hash", "incident__number", "incident__payload_hash"
    )
    return {
        id_: Newest(version, version_hash or "", epoch, epoch_hash or "")
        for id_, version, version_hash, epoch, epoch_hash in rows
    }
