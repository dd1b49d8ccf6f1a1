"""A control plane in memory: it signs what a test wants, genuine or not."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from enforcer.contract.documents import Document, signed, write
from enforcer.contract.envelope import PayloadType
from enforcer.contract.fleet import KeyList, Lease, ListedKey, payload_hash
from enforcer.contract.incident import Incident, KillSwitch
from enforcer.contract.keys import Role, SigningKey
from enforcer.contract.levels import Risk, TrustLevel
from enforcer.contract.snapshot import (
    Credential,
    GrantPolicy,
    PrincipalPolicy,
    Sandbox,
    ServerPolicy,
    Snapshot,
    ToolPolicy,
    TrustPolicy,
)
from enforcer.contract.times import to_text
from enforcer.link.clocks import Clocks, Instant
from enforcer.link.holdings import Holdings
from enforcer.link.notes import Notes
from enforcer.link.state import Applied, Envelopes
from enforcer.link.verify import Kind
from enforcer.policy.index import build_index

NOW = 1_800_000_000.0
SERVER = "files"


def key(name: str) -> SigningKey:
    """A key anybody can make again."""
    return SigningKey(name.encode().ljust(32, b"."))


ROOT = key("root")
ROOTS = {ROOT.public.keyid: ROOT.public}
TYPES = {
    Kind.KEYS: PayloadType.KEYS,
    Kind.SNAPSHOT: PayloadType.SNAPSHOT,
    Kind.INCIDENT: PayloadType.INCIDENT,
    Kind.LEASE: PayloadType.LEASE,
}
SIGNERS = {
    Kind.KEYS: ROOT,
    Kind.SNAPSHOT: key("policy"),
    Kind.INCIDENT: key("incident"),
    Kind.LEASE: key("lease"),
}


def listed(names: Mapping[Role, str] | None = None) -> tuple[ListedKey, ...]:
    """Public keys of all roles; `names` replaces some."""
    chosen = {role: role.value for role in Role if role != Role.ROOT} | dict(names or {})
    return tuple(ListedKey(role=role, public=key(name).public.text) for role, name in chosen.items())


def key_list(version: int = 3, generation: int = 1, names: Mapping[Role, str] | None = None) -> KeyList:
    """A key list."""
    return KeyList(schema=1, generation=generation, issued_at=to_text(NOW), version=version, keys=listed(names))


def snapshot(
    version: int = 7,
    *,
    generation: int = 1,
    server_id: str = SERVER,
    tools: tuple[str, ...] = ("fs_read",),
    expires_at: float = NOW + 30 * 86400,
) -> Snapshot:
    """Policy that lets alice call `tools`."""
    return Snapshot(
        schema=1,
        generation=generation,
        issued_at=to_text(NOW),
        server_id=server_id,
        version=version,
        expires_at=to_text(expires_at),
        trust=TrustPolicy(
            name=TrustLevel.INTERNAL, ceiling=Risk.HIGH, pins="required", stale_high_s=60, stale_all_s=900
        ),
        server=ServerPolicy(
            id=server_id,
            title="Files",
            credential=Credential(mode="none"),
            sandbox=Sandbox(fs="workspace_only", net="block_all"),
        ),
        token_keys=(key("token").public.text,),
        tools=tuple(
            ToolPolicy(name=t, risk=Risk.LOW, state="reviewed", input_schema={"type": "object"}, declared=True)
            for t in tools
        ),
        principals=(PrincipalPolicy(subject="alice", issuer="drawbridge", actor_type="user", grants=("g1",)),),
        grants=(GrantPolicy(id="g1", effect="allow", tools=("*",)),),
    )


def incident(epoch: int = 5, *, generation: int = 1, server_id: str = SERVER, kills: tuple[str, ...] = ()) -> Incident:
    """An incident state with `kills` raised."""
    return Incident(
        schema=1,
        generation=generation,
        issued_at=to_text(NOW),
        server_id=server_id,
        epoch=epoch,
        kill_switches=tuple(KillSwitch(id=f"k{n}", target=t) for n, t in enumerate(kills)),
    )


def lease(
    counter: int = 10,
    *,
    of: tuple[Snapshot, Incident] | None = None,
    generation: int = 1,
    server_id: str = SERVER,
    issued_at: float = NOW,
    nonce: str | None = None,
) -> Lease:
    """A lease that names `of`."""
    policy, state = of or (snapshot(), incident())
    return Lease(
        schema=1,
        generation=generation,
        issued_at=to_text(issued_at),
        server_id=server_id,
        counter=counter,
        snapshot_version=policy.version,
        snapshot_hash=payload_hash(write(policy)),
        incident_epoch=state.epoch,
        incident_hash=payload_hash(write(state)),
        nonce=nonce,
    )


def kind_of(document: Document) -> Kind:
    """Which document it is."""
    kinds = {KeyList: Kind.KEYS, Snapshot: Kind.SNAPSHOT, Incident: Kind.INCIDENT, Lease: Kind.LEASE}
    return kinds[type(document)]  # type: ignore[index]  # the four that travel to an enforcer


def sealed(document: Document, *signers: SigningKey) -> bytes:
    """Its envelope, by its own role's key unless told."""
    kind = kind_of(document)
    return signed(document, TYPES[kind], *(signers or (SIGNERS[kind],)))


def envelopes(*documents: Document) -> Envelopes:
    """Genuine envelopes."""
    return Envelopes(**{kind_of(d): sealed(d) for d in documents})


def bundle(nonce: str | None = None) -> Envelopes:
    """Everything that a good first answer has: keys 3, snapshot 7, incident 5, lease 10."""
    return envelopes(key_list(), snapshot(), incident(), lease(nonce=nonce))


def altered(envelope: bytes, **fields: object) -> bytes:
    """Other content under the old signature."""
    outer = json.loads(envelope)
    payload = json.loads(base64.b64decode(outer["payload"])) | fields
    return json.dumps(outer | {"payload": base64.b64encode(json.dumps(payload).encode()).decode()}).encode()


def with_schema(document: Document, schema: int) -> bytes:
    """Genuine, of another schema."""
    return sealed(msgspec.structs.replace(document, schema=schema))


class FakeTime(Clocks):
    """Clocks that a test moves."""

    def __init__(self) -> None:
        super().__init__(lambda: self.at)
        self.at = Instant(boot=1000.0, wall=NOW, boot_id="boot-1")

    def pass_s(self, seconds: float) -> None:
        """Both clocks go on."""
        self.at = Instant(self.at.boot + seconds, self.at.wall + seconds, self.at.boot_id)

    def set_wall(self, wall: float) -> None:
        """Somebody sets the wall clock."""
        self.at = Instant(self.at.boot, wall, self.at.boot_id)

    def reboot(self) -> None:
        """The machine starts anew."""
        self.at = Instant(5.0, self.at.wall, "boot-2")


@dataclass
class Gate:
    """Holdings on a directory, and what it said."""

    directory: Path
    time: FakeTime

    def __post_init__(self) -> None:
        self.changes: list[Applied] = []
        self.notes = Notes()
        self.holdings = Holdings(
            (SERVER,),
            ROOTS,
            self.directory / "policy.json",
            load=build_index,
            notes=self.notes,
            time=self.time,
            on_change=lambda _server, applied: self.changes.append(applied),
        )
        self.holdings.restore()

    async def offer(self, offered: Envelopes) -> None:
        """As if read from Redis."""
        await self.holdings.offer(SERVER, offered, "redis")

    async def start(self) -> "Gate":
        """Take a first good answer that echoes the nonce."""
        await self.holdings.offer(SERVER, bundle(self.holdings.nonce(SERVER)), "direct")
        assert self.holdings.current(SERVER)
        return self

    @property
    def state(self) -> tuple[int, int, int] | None:
        """(snapshot version, incident epoch, lease counter) in force."""
        found = self.holdings.current(SERVER)
        return found and (found.index.snapshot.version, found.incident.epoch, found.lease.counter)

    @property
    def disk(self) -> bytes | None:
        """policy.json."""
        path = self.directory / "policy.json"
        return path.read_bytes() if path.exists() else None

    @property
    def problems(self) -> tuple[str, ...]:
        """What the heartbeat would show."""
        return self.notes.shown(SERVER)
