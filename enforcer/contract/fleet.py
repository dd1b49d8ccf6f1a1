"""The smaller documents between control plane and enforcers: keys, lease, ack, heartbeat, batch."""

from enforcer.contract.canonical import sha256
from enforcer.contract.documents import Document, Part
from enforcer.contract.keys import PublicKey, Role


def payload_hash(payload: bytes) -> str:
    """How a lease names a snapshot or incident state: SHA-256 over the signed payload bytes."""
    return sha256(payload)


class ListedKey(Part, frozen=True, kw_only=True):
    """A public key, written `ed25519:…`, and what it may sign."""

    role: Role
    public: str


class KeyList(Document, frozen=True, kw_only=True):
    """Signed by the root. A role may have several keys while one follows another."""

    version: int
    keys: tuple[ListedKey, ...]

    @property
    def order(self) -> tuple[int, int]:
        """What versions are compared by."""
        return (self.generation, self.version)

    def of(self, role: Role) -> dict[str, PublicKey]:
        """Key id → key, for `unseal`; raises `ValueError` for a malformed key."""
        made = [PublicKey.from_text(k.public) for k in self.keys if k.role == role]
        return {key.keyid: key for key in made}


class Lease(Document, frozen=True, kw_only=True):
    """Names the newest snapshot and incident state of one server (the timestamp role of TUF)."""

    server_id: str
    counter: int
    snapshot_version: int
    snapshot_hash: str
    incident_epoch: int
    incident_hash: str
    nonce: str | None = None

    @property
    def order(self) -> tuple[int, int]:
        """What counters are compared by."""
        return (self.generation, self.counter)


class ChainHead(Part, frozen=True, kw_only=True):
    """How far a chain is stored without a gap; the hash is that receipt's."""

    chain_id: str
    sequence: int
    receipt_hash: str


MOST_CHAINS_ACKED = 64  # in one ack, those that got receipts last


class Ack(Document, frozen=True, kw_only=True):
    """What the control plane has committed of one enforcer's chains."""

    enforcer_id: str
    chains: tuple[ChainHead, ...]


class ServerState(Part, frozen=True, kw_only=True):
    """What one server behind an enforcer runs on; versions are the applied ones, minimum over workers.

    The hashes (`payload_hash`) say which documents have these numbers: a number may be from before a restored backup.
    `calls_in_flight` and `sessions` are what is under way, sums over workers: for whoever is about to stop it.
    """

    snapshot_version: int
    incident_epoch: int
    in_flight_matching: int
    lease_age_s: float | None = None
    problems: tuple[str, ...] = ()
    snapshot_hash: str = ""
    incident_hash: str = ""
    calls_in_flight: int = 0
    sessions: int = 0


class Heartbeat(Document, frozen=True, kw_only=True):
    """Signed with the enforcer's own key, every second and at each change."""

    enforcer_id: str
    boot_nonce: str
    counter: int
    servers: dict[str, ServerState]
    journal_depth: int
    schemas: tuple[int, ...] = (1,)
    warnings: tuple[str, ...] = ()


class Batch(Document, frozen=True, kw_only=True):
    """Receipts of one chain in order, each its exact exported line without the newline."""

    enforcer_id: str
    chain_id: str
    receipts: tuple[str, ...]
