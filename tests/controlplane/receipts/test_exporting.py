from collections.abc import Callable, Sequence

import pytest
from django.db.models import Q

from controlplane.receipts.exporting import Ends, export_lines, verify_stored, waiting
from controlplane.receipts.models import Chain, Receipt, ReceiptIndex
from controlplane.receipts.services import head_hashes, ingest_batch, record_admin_receipt
from enforcer.contract.export import verify_export
from enforcer.contract.keys import SigningKey
from enforcer.contract.receipt import chain_head
from tests.controlplane.receipts.sending import Sender

pytestmark = pytest.mark.django_db
KEY = SigningKey.generate()


def whole(chain: Chain, stretches: Sequence[Ends]) -> list[bytes]:
    """As the publisher does it."""
    enforcer_id, hashes = head_hashes(chain.chain_id, [last for _, last in stretches])
    return [chain_head(enforcer_id, chain.chain_id, last, hashes[last], KEY) for _, last in stretches]


def part(chain: Chain, stretches: Sequence[Ends]) -> list[bytes]:
    """The same, of what filters left."""
    enforcer_id, hashes = head_hashes(chain.chain_id, [last for _, last in stretches])
    return [chain_head(enforcer_id, chain.chain_id, last, hashes[last], KEY, first=first) for first, last in stretches]


@pytest.fixture
def gate() -> Sender:
    """Two starts of one enforcer, and something that an administrator did."""
    gate = Sender("gate").enrol()
    ingest_batch(gate.batch(gate.receipts(3)))
    again = gate.next_start()
    genesis = again.receipt(genesis={"previous_chain_id": gate.chain_id, "boot_nonce": "x"})
    ingest_batch(again.batch([genesis, *again.receipts(2)]))
    record_admin_receipt(actor="os:root@host", action="killed", detail={})
    return again


def test_a_whole_export_verifies_with_the_public_key_alone(gate: Sender) -> None:
    report = verify_export(list(export_lines(Q(), whole)), {KEY.public.keyid: KEY.public})
    assert (report.problems, report.receipts, report.chains) == ([], 7, 3)


def test_no_stretch_without_a_head_is_longer_than_a_thousand_lines() -> None:
    gate = Sender("gate").enrol()
    ingest_batch(gate.batch(gate.receipts(1001)))
    lines = list(export_lines(Q(), whole))
    assert [number for number, line in enumerate(lines, 1) if b"chain_head" in line] == [1001, 1003]
    assert verify_export(lines, {KEY.public.keyid: KEY.public}).problems == []


def test_what_waits_for_a_missing_receipt_is_left_out_and_named(gate: Sender) -> None:
    gate.receipt()
    ingest_batch(gate.batch(gate.receipts(2)))
    assert len(list(export_lines(Q(), whole))) == 7 + 3
    assert waiting() == [(gate.chain_id, 4, 2)]
    assert any("sequence 4 is missing" in problem for problem in verify_stored().problems)


def test_filters_narrow_what_is_exported(gate: Sender) -> None:
    ingest_batch(gate.batch([gate.receipt(mcp={"server_id": "git"})]))
    lines = list(export_lines(Q(server_id="git"), part))
    assert len(lines) == 2
    assert b"chain_head" in lines[1]
    report = verify_export(lines, {KEY.public.keyid: KEY.public})
    assert (report.problems, report.receipts, report.parts) == ([], 1, 1)


def test_what_filters_left_out_between_is_told_by_each_head_and_nothing_else_is_excused() -> None:
    gate = Sender("gate").enrol()
    servers = ["files", "files", "git", "git", "files", "git"]
    ingest_batch(gate.batch([gate.receipt(mcp={"server_id": server}) for server in servers]))
    lines = list(export_lines(Q(server_id="git"), part))
    report = verify_export(lines, {KEY.public.keyid: KEY.public})
    assert (report.problems, report.receipts, report.parts) == ([], 3, 2)
    assert len(lines) == 3 + 2
    for missing in range(3):
        cut = [*lines[:missing], *lines[missing + 1 :]]
        assert verify_export(cut, {KEY.public.keyid: KEY.public}).problems
    assert any(
        "starts at sequence 3" in problem
        for problem in verify_export(
            list(export_lines(Q(server_id="git"), whole)), {KEY.public.keyid: KEY.public}
        ).problems
    )


def _edited(gate: Sender) -> None:
    row = Receipt.objects.get(chain_id=gate.chain_id, sequence=2)
    Receipt.objects.filter(pk=row.pk).update(line=bytes(row.line).replace(b"ada", b"bob"))


def _deleted(gate: Sender) -> None:
    Receipt.objects.get(chain_id=gate.chain_id, sequence=2).delete()


def _cut(gate: Sender) -> None:
    Receipt.objects.get(chain_id=gate.chain_id, sequence=3).delete()


def _replaced_by_another_chain(gate: Sender) -> None:
    forged = Sender("gate", gate.key, gate.chain_id)
    for line in forged.receipts(3):
        Receipt.objects.filter(chain_id=gate.chain_id, sequence=forged.sequence).update(line=line.encode())


def _index_moved(gate: Sender) -> None:
    Chain.objects.filter(chain_id=gate.chain_id).update(head_hash="sha256:" + "2" * 64)


def _both_gone(gate: Sender) -> None:
    for model in (Receipt, ReceiptIndex):
        model.objects.get(chain_id=gate.chain_id, sequence=1).delete()


@pytest.mark.parametrize(
    "tamper", [_edited, _deleted, _cut, _replaced_by_another_chain, _index_moved, _both_gone], ids=lambda f: f.__name__
)
def test_what_was_changed_in_the_database_is_found(gate: Sender, tamper: Callable[[Sender], None]) -> None:
    assert verify_stored().problems == []
    tamper(gate)
    assert verify_stored().problems
