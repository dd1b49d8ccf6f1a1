import base64
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controlplane.receipts.models import Chain, Conflict, Receipt, ReceiptIndex
from controlplane.receipts.services import ack_heads, head_hashes, ingest_batch, record_admin_receipt
from controlplane.receipts.store import Taken
from enforcer.contract.envelope import PayloadType, seal
from enforcer.contract.keys import SigningKey
from tests.controlplane.receipts.sending import Sender

pytestmark = pytest.mark.django_db


@pytest.fixture
def gate() -> Sender:
    return Sender("gate").enrol()


def test_a_batch_is_stored_byte_for_byte_and_acknowledged(gate: Sender) -> None:
    lines = gate.receipts(3)
    assert ingest_batch(gate.batch(lines)) == Taken(stored=3)
    assert [bytes(r.line).decode() for r in Receipt.objects.order_by("sequence")] == lines
    assert ack_heads("gate") == [(gate.chain_id, 3, gate.parent)]
    stored = Receipt.objects.get(sequence=1)
    assert (stored.server_id, stored.tool_name, stored.subject, stored.result) == ("files", "read", "ada", "allow")


def test_a_batch_that_comes_again_changes_nothing(gate: Sender) -> None:
    first, second = gate.receipts(3), gate.receipts(2)
    ingest_batch(gate.batch(first))
    assert ingest_batch(gate.batch(first + second)) == Taken(stored=2, known=3)
    assert ingest_batch(gate.batch(first)) == Taken(known=3)
    assert Receipt.objects.count() == ReceiptIndex.objects.count() == 5
    assert not Conflict.objects.exists()


def test_nothing_beyond_a_gap_is_acknowledged_until_it_is_filled(gate: Sender) -> None:
    one, two, three = gate.receipts(1), gate.receipts(1), gate.receipts(1)
    head = gate.parent
    ingest_batch(gate.batch(three))
    assert ack_heads("gate") == []
    ingest_batch(gate.batch(one))
    assert [sequence for _, sequence, _ in ack_heads("gate")] == [1]
    assert head_hashes(gate.chain_id, [3]) == ("gate", {})
    ingest_batch(gate.batch(two))
    assert ack_heads("gate") == [(gate.chain_id, 3, head)]
    assert head_hashes(gate.chain_id, [3]) == ("gate", {3: head})


@given(order=st.permutations(range(6)))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_of_batches_ends_in_the_same_chain(gate: Sender, order: list[int]) -> None:
    gate = gate.next_start()
    gate.parent = "sha256:" + "0" * 64
    lines = gate.receipts(6)
    for place in order:
        ingest_batch(gate.batch([lines[place]]))
    assert head_hashes(gate.chain_id, [6]) == ("gate", {6: gate.parent})


def test_a_second_receipt_for_a_taken_place_is_kept_aside_and_the_first_stays(gate: Sender) -> None:
    lines = gate.receipts(1)
    other = Sender("gate", gate.key, gate.chain_id)
    ingest_batch(gate.batch(lines))
    contradiction = other.batch(other.receipts(1))
    for _ in range(2):
        assert ingest_batch(contradiction) == Taken(conflicts=1)
    assert [bytes(r.line).decode() for r in Receipt.objects.all()] == lines
    assert [c.problem for c in Conflict.objects.all()] == ["another receipt has this place in the chain"]


def test_a_second_receipt_with_a_taken_id_is_kept_aside(gate: Sender) -> None:
    ingest_batch(gate.batch([gate.receipt(receipt_id="one")]))
    assert ingest_batch(gate.batch([gate.receipt(receipt_id="one")])) == Taken(conflicts=1)
    assert [c.problem for c in Conflict.objects.all()] == ["another receipt has this id"]


def test_a_receipt_that_does_not_name_the_one_before_is_never_acknowledged(gate: Sender) -> None:
    first = gate.receipts(1)
    gate.parent = "sha256:" + "1" * 64
    ingest_batch(gate.batch(first + gate.receipts(1)))
    assert [sequence for _, sequence, _ in ack_heads("gate")] == [1]


def test_a_new_start_begins_a_chain_that_remembers_the_one_before(gate: Sender) -> None:
    ingest_batch(gate.batch(gate.receipts(2)))
    again = gate.next_start()
    ingest_batch(again.batch([again.receipt(genesis={"previous_chain_id": gate.chain_id, "boot_nonce": "x"})]))
    assert Chain.objects.get(chain_id=again.chain_id).previous_chain_id == gate.chain_id
    assert {chain for chain, _, _ in ack_heads("gate")} == {gate.chain_id, again.chain_id}


def test_only_the_enforcer_itself_can_sign_its_batches(gate: Sender) -> None:
    other = Sender("other").enrol()
    lines = gate.receipts(1)
    for envelope in (
        gate.batch(lines, by=SigningKey.generate()),
        gate.batch(lines, by=other.key),
        other.batch(lines),
        gate.batch(lines, of="nobody"),
        Sender("stranger").batch([]),
    ):
        assert ingest_batch(envelope).refused
    assert not Receipt.objects.exists()
    assert not Chain.objects.exists()


def test_of_several_signatures_its_own_must_be_one(gate: Sender) -> None:
    other, lines = Sender("other").enrol(), gate.receipts(1)
    payload = base64.b64decode(json.loads(gate.batch(lines))["payload"])
    nobodys = SigningKey.generate()
    assert ingest_batch(seal(PayloadType.BATCH, payload, [other.key, nobodys])).refused
    assert not Receipt.objects.exists()
    assert ingest_batch(seal(PayloadType.BATCH, payload, [other.key, gate.key])).stored == 1


def test_an_enforcer_can_not_add_to_the_chain_of_another_or_of_the_control_plane(gate: Sender) -> None:
    other = Sender("other").enrol()
    ingest_batch(gate.batch(gate.receipts(1)))
    other.chain_id, other.sequence, other.parent = gate.chain_id, 1, gate.parent
    assert ingest_batch(other.batch(other.receipts(1))).refused == "the chain is another enforcer's"
    other.chain_id = "control-plane"
    assert ingest_batch(other.batch(other.receipts(1))).refused


def test_a_changed_line_refuses_the_whole_batch(gate: Sender) -> None:
    lines = gate.receipts(2)
    assert ingest_batch(gate.batch([lines[0], lines[1].replace("ada", "bob")])).refused
    assert ingest_batch(gate.batch([lines[0] + "\n"])).refused
    assert ingest_batch(b"not json").refused
    assert not Receipt.objects.exists()


def test_what_administrators_do_is_one_linked_chain() -> None:
    for action in ("enrolled", "killed", "lowered"):
        record_admin_receipt(actor="os:root@host", action=action, detail={"target": "server:files"})
    (chain,) = Chain.objects.all()
    assert (chain.enforcer_id, chain.contiguous_to) == ("control-plane", 3)
    assert {r.receipt_type for r in Receipt.objects.all()} == {"csp.drawbridge.admin.v1"}
