"""The control plane takes and makes the same golden documents as the enforcer does (tests/enforcer/contract)."""

import json
from pathlib import Path
from typing import Any

import pytest

from controlplane.fleet.heartbeats import read_heartbeat
from controlplane.fleet.models import Enforcer
from controlplane.receipts.models import Receipt
from controlplane.receipts.services import Taken, ack_heads, ingest_batch
from enforcer.contract.fleet import Ack
from tests.vectors import make

HERE = Path(make.__file__).parent
DOCUMENTS: dict[str, Any] = json.loads((HERE / "documents.json").read_text())
EXPORT: dict[str, str] = json.loads((HERE / "export.json").read_text())
PROBE = make.key("probe").public


def envelope(name: str) -> bytes:
    return json.dumps(DOCUMENTS[name]["envelope"]).encode()


@pytest.fixture
def probe(db: None) -> Enforcer:
    return Enforcer.objects.create(
        id="probe", public_key=PROBE.text, redis_password_sha256="0" * 64, broker_password_sha256="0" * 64
    )


def test_the_golden_heartbeat_is_believed(probe: Enforcer) -> None:
    heartbeat = read_heartbeat(probe, envelope("heartbeat"))
    assert heartbeat == make.documents()["heartbeat"][1]


def test_the_golden_batch_is_stored_byte_for_byte_and_acknowledged_as_the_golden_ack_says(probe: Enforcer) -> None:
    assert ingest_batch(envelope("batch")) == Taken(stored=1)
    assert bytes(Receipt.objects.get().line).decode() == EXPORT["receipt"]
    ack = make.documents()["ack"][1]
    assert isinstance(ack, Ack)
    assert [(c.chain_id, c.sequence, c.receipt_hash) for c in ack.chains] == ack_heads("probe")


def test_the_golden_batch_of_an_enforcer_that_nobody_enrolled_is_refused(db: None) -> None:
    assert ingest_batch(envelope("batch")).refused
    assert not Receipt.objects.exists()
