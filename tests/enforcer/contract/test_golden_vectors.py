"""The documents of the contract, byte for byte; tests/controlplane/test_golden_vectors.py reads the same vectors."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from enforcer.contract.checkpoint import Checkpoint
from enforcer.contract.documents import Document, read, signed, write
from enforcer.contract.envelope import PayloadType, unseal
from enforcer.contract.fleet import Ack, Batch, Heartbeat, KeyList, Lease, payload_hash
from enforcer.contract.incident import Incident, read_incident
from enforcer.contract.keys import PublicKey
from enforcer.contract.receipt import chain_head_holds, open_line
from enforcer.contract.snapshot import Snapshot
from enforcer.contract.strict_json import parse_object
from tests.vectors import make

VECTORS: dict[str, Any] = json.loads((Path(make.__file__).parent / "documents.json").read_text())
EXPORT: dict[str, str] = json.loads((Path(make.__file__).parent / "export.json").read_text())
KINDS: dict[str, type[Document]] = {
    "keys": KeyList,
    "snapshot": Snapshot,
    "incident": Incident,
    "checkpoint": Checkpoint,
    "lease": Lease,
    "ack": Ack,
    "heartbeat": Heartbeat,
    "batch": Batch,
}


@pytest.mark.parametrize("name", KINDS)
def test_the_golden_envelope_opens_to_the_golden_payload(name: str) -> None:
    vector = VECTORS[name]
    signer = PublicKey.from_text(vector["signer"])
    payload = unseal(json.dumps(vector["envelope"]).encode(), vector["payload_type"], {signer.keyid: signer})
    assert payload == base64.b64decode(vector["payload"])
    assert payload_hash(payload) == vector["payload_hash"]


@pytest.mark.parametrize("name", KINDS)
def test_the_golden_payload_reads_and_writes_back_unchanged(name: str) -> None:
    payload = base64.b64decode(VECTORS[name]["payload"])
    document = read(payload, KINDS[name])
    assert document == make.documents()[name][1]
    assert write(document) == payload


@pytest.mark.parametrize("name", KINDS)
def test_todays_code_signs_exactly_the_golden_envelope(name: str) -> None:
    kind, document, signer = make.documents()[name]
    assert json.loads(signed(document, PayloadType(kind), signer)) == VECTORS[name]["envelope"]


def test_every_payload_type_but_the_permit_has_a_vector() -> None:
    assert {v["payload_type"] for v in VECTORS.values()} == set(PayloadType) - {PayloadType.PERMIT}


def test_the_golden_incident_reads_the_same_through_its_own_reader() -> None:
    payload = base64.b64decode(VECTORS["incident"]["payload"])
    assert read_incident(payload) == make.documents()["incident"][1]


def test_the_golden_receipt_line_and_chain_head_verify() -> None:
    link, receipt = open_line(EXPORT["receipt"].encode())
    assert (link.sequence, link.receipt_id) == (1, "r-1")
    assert receipt["facts"] == {"lease_age_s": 0.25, "text": "ü€😀"}
    key = PublicKey.from_text(EXPORT["checkpoint_key"])
    assert chain_head_holds(parse_object(EXPORT["head"].encode()), {key.keyid: key})
    assert make.first_receipt()[0].decode() == EXPORT["receipt"]
