"""Checkpoints over what is stored: each receipt is in one, each names the one before, what was changed is named."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError
from django.utils import timezone

from controlplane.common.actor import Right
from controlplane.common.errors import InvalidState
from controlplane.receipts import checkpoints, verifying
from controlplane.receipts.checkpoints import Heard, make_next, newest_number, proof_of, verify_checkpoints, verify_kept
from controlplane.receipts.exporting import verify_stored
from controlplane.receipts.models import Chain, Checkpoint, Receipt, ReceiptIndex, Stretch
from controlplane.receipts.services import ingest_batch
from enforcer.contract.checkpoint import open_checkpoint, verify_proof
from enforcer.contract.keys import SigningKey
from enforcer.contract.receipt import GENESIS_PARENT
from enforcer.verify import verify_one
from tests.controlplane.api.asking import asker
from tests.controlplane.browsing import signed_in, text
from tests.controlplane.receipts.sending import Sender
from tests.controlplane.receipts.test_receipts_command import run
from tests.controlplane.running import RunningPublisher
from tests.controlplane.valkeys import Valkey
from tests.support.processes import wait_for

pytestmark = pytest.mark.django_db
KEY, OTHER = SigningKey(b"c" * 32), SigningKey(b"o" * 32)
KEYS = {key.public.keyid: key.public for key in (KEY, OTHER)}


def made(key: SigningKey = KEY) -> Checkpoint | None:
    return make_next(key=key, generation=1, now=timezone.now())


def sent(sender: Sender, count: int) -> None:
    assert not ingest_batch(sender.batch(sender.receipts(count))).refused


def problems(keys: Any = KEYS) -> list[str]:
    heard, last = Heard(), newest_number()
    verify_stored(hear=heard.hear)
    return list(verify_checkpoints(heard, keys, last))


@pytest.fixture
def gate() -> Sender:
    """Two checkpoints, over five and two receipts."""
    gate, other = Sender("gate").enrol(), Sender("other").enrol()
    sent(gate, 3)
    sent(other, 2)
    assert made() is not None
    sent(gate, 2)
    assert made() is not None
    return gate


def test_each_names_the_one_before_and_covers_what_is_new(gate: Sender) -> None:
    first, second = (open_checkpoint(row.envelope.encode(), KEYS)[0] for row in Checkpoint.objects.order_by("number"))
    assert (first.number, first.previous, first.size) == (1, GENESIS_PARENT, 5)
    assert (second.number, second.size) == (2, 2)
    assert second.previous == Checkpoint.objects.get(number=1).payload_hash
    assert [(part.first, part.last) for part in second.stretches] == [(4, 5)]
    assert made() is None
    assert problems() == []


def test_one_that_is_made_while_everything_is_read_is_not_taken_for_wrong(
    gate: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifying, "checkpoint_keys", lambda: KEYS)

    def meanwhile(_percent: int) -> None:
        if Checkpoint.objects.count() == 2:
            sent(gate, 2)
            assert made() is not None

    report, checkpoints_ = verifying.verify_everything(meanwhile)
    assert Checkpoint.objects.count() == 3
    assert (report.problems, checkpoints_) == ([], 2)


def test_every_receipt_has_a_proof_that_verifies_by_the_key_alone(gate: Sender) -> None:
    for receipt in Receipt.objects.all():
        proven = verify_proof(json.dumps(proof_of(receipt)).encode(), KEYS)
        assert proven.link.receipt_id == receipt.receipt_id


def test_what_waits_for_a_gap_is_in_none_until_the_gap_closes(gate: Sender) -> None:
    missing, *later = gate.receipts(3)
    ingest_batch(gate.batch(later))
    assert made() is None
    ingest_batch(gate.batch([missing]))
    third = made()
    assert third is not None
    assert third.size == 3
    assert problems() == []


def test_more_than_one_holds_goes_into_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "MAX_RECEIPTS", 4)
    gate, other = Sender("gate").enrol(), Sender("other").enrol()
    sent(gate, 6)
    sent(other, 3)
    sizes = []
    while row := made():
        sizes.append(row.size)
    assert sizes == [4, 4, 1]
    assert problems() == []


def test_many_chains_cost_a_page_few_questions(django_assert_max_num_queries: Any) -> None:
    for number in range(150):
        sent(Sender(f"gate-{number}").enrol(), 2)
    assert made() is not None
    assert [open_checkpoint(row.envelope.encode(), KEYS)[0].size for row in Checkpoint.objects.all()] == [300]
    with django_assert_max_num_queries(5):
        proof_of(Receipt.objects.latest("ingested_at"))
    assert problems() == []


def test_two_publishers_make_each_number_once(gate: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    sent(gate, 1)
    before = checkpoints._hashes

    def meanwhile(*args: Any) -> Any:
        monkeypatch.setattr(checkpoints, "_hashes", before)
        sent(gate, 1)
        made()
        return before(*args)

    monkeypatch.setattr(checkpoints, "_hashes", meanwhile)
    with pytest.raises(IntegrityError):
        made()
    assert [row.size for row in Checkpoint.objects.order_by("number")] == [5, 2, 2]
    assert made() is None
    assert problems() == []


def test_over_a_damaged_chain_none_is_made(gate: Sender) -> None:
    sent(gate, 2)
    for sequence in (7, 6):
        ReceiptIndex.objects.filter(chain_id=gate.chain_id, sequence=sequence).delete()
        with pytest.raises(InvalidState, match="place in its chain is gone"):
            made()


def test_a_receipt_written_anew_is_named_by_its_checkpoint(gate: Sender) -> None:
    forged = Sender("gate", gate.key, chain_id=gate.chain_id)
    Receipt.objects.filter(chain_id=gate.chain_id).delete()
    ReceiptIndex.objects.filter(chain_id=gate.chain_id).delete()
    Chain.objects.filter(chain_id=gate.chain_id).delete()
    sent(forged, 5)  # by whoever holds the enforcer's key: a whole chain that fits together
    assert verify_stored().problems == []
    assert problems() == [
        f"checkpoint {number}: its root is not that of the receipts that it was signed over" for number in (1, 2)
    ]


@pytest.mark.parametrize("number", [1, 2])
def test_a_checkpoint_that_is_gone_or_another_is_named(gate: Sender, number: int) -> None:
    sent(gate, 1)
    made()
    Stretch.objects.filter(checkpoint_id=number).delete()
    row = Checkpoint.objects.get(number=number)
    row.delete()
    row.number = number
    assert f"checkpoint {number} is missing" in problems()
    row.envelope = Checkpoint.objects.get(number=3).envelope
    row.save(force_insert=True)
    assert any(said.startswith(f"checkpoint {number}") for said in problems())


def test_one_whose_key_was_retired_is_vouched_for_by_the_next(gate: Sender) -> None:
    only_other = {OTHER.public.keyid: OTHER.public}
    assert problems(only_other)[-1] == "checkpoint 2: the checkpoint: no signature of a trusted key"
    sent(gate, 1)
    made(OTHER)
    assert problems(only_other) == []


def test_a_history_written_anew_is_seen_by_whoever_kept_a_checkpoint(gate: Sender) -> None:
    kept = [row.envelope.encode() for row in Checkpoint.objects.order_by("number")]
    assert list(verify_kept(kept, KEYS)) == []
    Stretch.objects.all().delete()
    Checkpoint.objects.all().delete()
    assert made() is not None  # one over everything, signed by the right key
    assert problems() == []
    first, second = verify_kept(kept, KEYS)
    assert (first.split(":")[0], first.rpartition(", ")[2]) == ("kept line 1", "is another one here")
    assert second.endswith("is gone here")
    assert next(verify_kept([b"{}"], KEYS)).startswith("kept line 1: the checkpoint")
    hostile = b'{"payload":"\xc3\xa9"}'
    assert next(verify_kept([hostile], KEYS)).startswith("kept line 1: the checkpoint")
    assert "not a checkpoint of this control plane" in next(verify_kept(kept, {}))


def test_an_auditor_reads_it_on_the_page_and_over_the_api(gate: Sender) -> None:
    receipt = Receipt.objects.filter(chain_id=gate.chain_id).latest("sequence")
    auditor = signed_in("auditor")
    page = text(auditor.get(f"/admin/receipts/receipt/{receipt.pk}/change/"))
    assert "it is in checkpoint 2 of" in page
    api = asker(Right.READ_RECEIPTS)
    assert verify_proof(api.get(f"/receipts/{receipt.pk}/proof").content, KEYS).link.sequence == 5
    listed = api.get("/checkpoints").json()["results"]
    assert [row["number"] for row in listed] == [2, 1]
    assert open_checkpoint(listed[0]["document"].encode(), KEYS)[0].number == 2
    sent(gate, 1)
    newest = Receipt.objects.filter(chain_id=gate.chain_id).latest("sequence")
    refused = api.get(f"/receipts/{newest.pk}/proof")
    assert (refused.status_code, "no checkpoint holds it yet" in refused.content.decode()) == (422, True)
    assert "no checkpoint holds it yet" in text(auditor.get(f"/admin/receipts/receipt/{newest.pk}/change/"))


@pytest.mark.django_db(transaction=True)
def test_the_publisher_makes_them_and_the_commands_agree(
    valkey: Valkey, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gate = Sender("gate").enrol()
    with RunningPublisher():
        sent(gate, 3)
        wait_for(lambda: Stretch.objects.filter(last=3).exists(), "a checkpoint")
        sent(gate, 2)
        wait_for(lambda: Stretch.objects.filter(last=5).exists(), "another one")
    receipt, out_of_house = Receipt.objects.latest("sequence"), tmp_path / "elsewhere"
    out_of_house.mkdir()
    for name, words in (("keys.json", ["keys"]), ("proof", ["proof", receipt.pk]), ("kept", ["checkpoints"])):
        code, out, err = run(*words)
        assert code == 0, err
        (out_of_house / name).write_text(out)
    assert verify_one(out_of_house / "proof", out_of_house / "keys.json") == 0
    assert f"receipt {receipt.pk}, 5 of chain {gate.chain_id}, is in checkpoint 2" in capsys.readouterr().out
    code, out, err = run("verify", "--kept", str(out_of_house / "kept"))
    assert (code, out) == (0, "5 receipts, chain verified\n"), err
    assert "2 checkpoints verified, 2 of them as they were kept" in err
    Checkpoint.objects.filter(number=2).update(payload_hash="sha256:" + "1" * 64)
    code, out, _ = run("verify", "--kept", str(out_of_house / "kept"))
    assert (code, "checkpoint 2, signed" in out) == (1, True)
