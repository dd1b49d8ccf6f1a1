"""An enforcer as the ingest sees it: a key, a chain that grows, signed batches."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from controlplane.fleet.models import Enforcer
from enforcer.contract.documents import SCHEMA, signed
from enforcer.contract.envelope import PayloadType
from enforcer.contract.fleet import Batch
from enforcer.contract.keys import SigningKey
from enforcer.contract.receipt import GENESIS_PARENT, ReceiptType, seal_receipt
from enforcer.contract.strict_json import JsonObject

NOW = "2026-01-31T12:00:00.000Z"


@dataclass(slots=True)
class Sender:
    """Makes what an enforcer's journal makes."""

    enforcer_id: str
    key: SigningKey = field(default_factory=SigningKey.generate)
    chain_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    parent: str = GENESIS_PARENT
    sequence: int = 0

    def enrol(self) -> "Sender":
        """Into the table."""
        none = "0" * 64
        Enforcer.objects.create(
            id=self.enforcer_id,
            public_key=self.key.public.text,
            redis_password_sha256=none,
            broker_password_sha256=none,
        )
        return self

    def receipt(self, **more: str | JsonObject) -> str:
        """The next line of the chain."""
        receipt: JsonObject = {
            "receipt_id": str(uuid.uuid4()),
            "receipt_type": ReceiptType.ACTION,
            "enforcer_id": self.enforcer_id,
            "event_time": NOW,
            "mcp": {"server_id": "files", "tool_name": "read"},
            "principal": {"sub": "ada"},
            "decision": {"result": "allow", "reason_codes": ["ALLOW_POLICY_MATCH"]},
            **more,
        }
        self.sequence += 1
        line, self.parent = seal_receipt(
            receipt, chain_id=self.chain_id, sequence=self.sequence, parent_hash=self.parent
        )
        return line.decode()

    def receipts(self, count: int) -> list[str]:
        """The next lines of the chain."""
        return [self.receipt() for _ in range(count)]

    def next_start(self) -> "Sender":
        """The same enforcer after a restart."""
        return Sender(self.enforcer_id, self.key, parent=self.parent)

    def batch(self, lines: Sequence[str], *, by: SigningKey | None = None, of: str | None = None) -> bytes:
        """The envelope; `by` and `of` make it lie."""
        batch = Batch(
            schema=SCHEMA,
            generation=1,
            issued_at=NOW,
            enforcer_id=of or self.enforcer_id,
            chain_id=self.chain_id,
            receipts=tuple(lines),
        )
        return signed(batch, PayloadType.BATCH, by or self.key)
