"""Old months leave the database for a file that verifies by itself; what is left verifies as before."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from django.db import connection

from controlplane.common.actor import host_operator
from controlplane.common.errors import InvalidState
from controlplane.receipts import archiving
from controlplane.receipts.append_only import uninstall
from controlplane.receipts.archiving import archive_month, runs
from controlplane.receipts.exporting import verify_stored
from controlplane.receipts.models import Archive, Archived, Chain, Receipt, ReceiptIndex, Stretch
from controlplane.receipts.partitions import maintain
from controlplane.receipts.public_keys import checkpoint_keys
from controlplane.receipts.services import ingest_batch
from enforcer.contract.export import verify_export
from tests.controlplane.commands import run
from tests.controlplane.receipts.months import DEFAULT, TABLE, execute, month, on_postgresql, partition, partitions
from tests.controlplane.receipts.sending import Sender
from tests.controlplane.running import RunningPublisher
from tests.controlplane.valkeys import Valkey
from tests.support.processes import wait_for

pytestmark = pytest.mark.django_db(transaction=True)
OLD, OLDER = month(-3), month(-4)


@pytest.fixture
def old_months(valkey: Valkey) -> Iterator[None]:
    """Partitions for two months of long ago, a publisher beside."""
    for ahead in (-4, -3):
        name, low, high = partition(ahead), f"{month(ahead)}-01T00:00:00.000Z", f"{month(ahead + 1)}-01T00:00:00.000Z"
        execute(f"CREATE TABLE {name} (LIKE {TABLE} INCLUDING ALL)")
        execute(f"ALTER TABLE {TABLE} ATTACH PARTITION {name} FOR VALUES FROM ('{low}') TO ('{high}')")
    with RunningPublisher():
        yield
    for ahead in (-4, -3):
        execute(f"DROP TABLE IF EXISTS {partition(ahead)}")
    maintain()
    uninstall(connection)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Where archives go."""
    made = tmp_path / "archives"
    made.mkdir()
    return made


def sent(gate: Sender, *days: str) -> None:
    """A receipt for each, and a checkpoint over all."""
    assert not ingest_batch(gate.batch([gate.receipt(event_time=f"{day}T12:00:00.000Z") for day in days])).refused
    wait_for(lambda: Stretch.objects.filter(chain_id=gate.chain_id, last=gate.sequence).exists(), "a checkpoint")


@pytest.fixture
def gate(old_months: None) -> Sender:
    """A chain that runs through both months, back and forth at their border, and on into this month."""
    gate = Sender("gate").enrol()
    sent(gate, f"{OLDER}-10", f"{OLDER}-28", f"{OLD}-01", f"{OLDER}-28", f"{OLD}-02", f"{month(0)}-01", f"{OLD}-28")
    return gate


@on_postgresql
def test_months_before_one_are_files_and_gone_and_everything_verifies(gate: Sender, files: Path) -> None:
    second = gate.next_start()
    genesis = second.receipt(
        genesis={"previous_chain_id": gate.chain_id, "previous_sequence": gate.sequence, "boot_nonce": "x"},
        event_time=f"{month(0)}-02T12:00:00.000Z",
    )
    ingest_batch(second.batch([genesis]))
    done = run("receipts", "archive", "--before", month(-2), "--to", str(files))
    assert (done.code, done.err) == (0, "")
    assert [path.name for path in sorted(files.iterdir())] == [f"receipts-{OLDER}.jsonl", f"receipts-{OLD}.jsonl"]
    assert {partition(-4), partition(-3)}.isdisjoint(partitions())
    kept = Receipt.objects.filter(chain_id=gate.chain_id).values_list("sequence", flat=True)
    assert list(kept) == [6]
    assert ReceiptIndex.objects.filter(chain_id=gate.chain_id).count() == 7
    parts = Archived.objects.filter(chain_id=gate.chain_id).order_by("first").values_list("archive", "first", "last")
    assert list(parts) == [(OLDER, 1, 2), (OLD, 3, 3), (OLDER, 4, 4), (OLD, 5, 5), (OLD, 7, 7)]
    assert {path.stat().st_mode & 0o777 for path in files.iterdir()} == {0o600}
    for row in Archive.objects.all():
        raw = (files / row.file).read_bytes()
        assert (sha256(raw).hexdigest(), len(raw)) == (row.sha256, row.size_bytes)
        report = verify_export(raw.splitlines(), checkpoint_keys())
        assert (report.problems, report.receipts) == ([], row.receipts)
    assert verify_stored().problems == []
    verified = run("receipts", "verify")
    assert (verified.code, verified.out.splitlines()[-1][-14:]) == (0, "chain verified")
    assert "6 receipts are in archives" in verified.err
    assert b"receipts.archive" in bytes(Receipt.objects.filter(enforcer_id="control-plane").latest("sequence").line)


@on_postgresql
def test_a_receipt_that_was_archived_is_named_with_its_file(gate: Sender, files: Path) -> None:
    id_ = ReceiptIndex.objects.get(chain_id=gate.chain_id, sequence=4).receipt_id
    run("receipts", "archive", "--before", month(-2), "--to", str(files))
    done = run("receipts", "proof", id_)
    assert done.code == 2
    assert f"was archived: it is in receipts-{OLDER}.jsonl" in done.err


@on_postgresql
def test_an_archived_receipt_that_comes_again_is_known_and_one_that_is_late_is_stored(
    gate: Sender, files: Path
) -> None:
    run("receipts", "archive", "--before", month(-2), "--to", str(files))
    again = Sender("gate", gate.key, gate.chain_id)
    first = ReceiptIndex.objects.get(chain_id=gate.chain_id, sequence=1).receipt_id
    line = again.receipt(receipt_id=first, event_time=f"{OLDER}-10T12:00:00.000Z")
    assert ingest_batch(again.batch([line])).known == 1
    sent(gate, f"{OLD}-15")
    assert DEFAULT in partitions()
    assert verify_stored().problems == []


def _hash(gate: Sender) -> None:
    ReceiptIndex.objects.filter(chain_id=gate.chain_id, sequence=2).update(receipt_hash="sha256:" + "0" * 64)


def _place(gate: Sender) -> None:
    ReceiptIndex.objects.get(chain_id=gate.chain_id, sequence=4).delete()


def _parent(gate: Sender) -> None:
    ReceiptIndex.objects.filter(chain_id=gate.chain_id, sequence=5).update(parent_hash="sha256:" + "0" * 64)


def _more(gate: Sender) -> None:
    Archived.objects.filter(chain_id=gate.chain_id, first=5).update(last=6)


def _less(gate: Sender) -> None:
    Archived.objects.filter(chain_id=gate.chain_id, first=7).delete()


@on_postgresql
@pytest.mark.parametrize("damage", [_hash, _place, _parent, _more, _less])
def test_damage_among_what_is_left_of_an_archive_is_found(gate: Sender, files: Path, damage: object) -> None:
    run("receipts", "archive", "--before", month(-2), "--to", str(files))
    uninstall(connection)
    assert callable(damage)
    damage(gate)
    assert run("receipts", "verify").code == 1


@on_postgresql
def test_what_came_between_export_and_drop_keeps_the_month(
    gate: Sender, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = archiving._read_back

    def and_one_more(file: Path) -> object:
        sent(gate, f"{OLD}-20")
        return written(file)

    monkeypatch.setattr(archiving, "_read_back", and_one_more)
    with pytest.raises(InvalidState, match="4 receipts are there and 3 in the file"):
        archive_month(month=OLD, directory=files, actor=host_operator())
    assert partition(-3) in partitions()
    assert not Archive.objects.exists()


@on_postgresql
def test_a_month_with_receipts_that_wait_for_others_or_for_a_checkpoint_stays(gate: Sender, files: Path) -> None:
    gate.receipt()
    ingest_batch(gate.batch([gate.receipt(event_time=f"{OLD}-20T12:00:00.000Z")]))
    done = run("receipts", "archive", "--before", month(-2), "--to", str(files))
    assert done.code == 2
    assert f"{OLD} stays for receipt 9 of chain {gate.chain_id}: receipts before it are missing" in done.err
    assert [path.name for path in files.iterdir()] == [f"receipts-{OLDER}.jsonl"]
    Chain.objects.filter(chain_id=gate.chain_id).update(contiguous_to=9)
    Stretch.objects.filter(chain_id=gate.chain_id).delete()
    assert "it is in no checkpoint yet" in run("receipts", "archive", "--before", month(-2), "--to", str(files)).err


@on_postgresql
def test_a_file_that_does_not_verify_drops_nothing(gate: Sender, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archiving, "checkpoint_keys", dict)
    done = run("receipts", "archive", "--before", month(-2), "--to", str(files))
    assert (done.code, list(files.iterdir())) == (2, [])
    assert "does not verify, nothing was dropped: line" in done.err
    assert partition(-4) in partitions()


@on_postgresql
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--before", "2026-13", "--to", "."), "'2026-13' is no month; write it like 2026-01"),
        (("--before", month(0), "--to", "."), f"receipts of {month(-1)} and later may still come"),
        (("--before", month(-2), "--to", "/nowhere"), "'/nowhere' is no directory"),
    ],
)
def test_a_wrong_wish_is_refused_by_name(db: None, words: tuple[str, ...], said: str) -> None:
    done = run("receipts", "archive", *words)
    assert done.code == 2
    assert said in done.err


@on_postgresql
def test_a_file_that_is_there_is_never_written_over(gate: Sender, files: Path) -> None:
    (files / f"receipts-{OLDER}.jsonl").write_text("mine")
    done = run("receipts", "archive", "--before", month(-2), "--to", str(files))
    assert (done.code, (files / f"receipts-{OLDER}.jsonl").read_text()) == (2, "mine")
    assert partition(-4) in partitions()


@pytest.mark.skipif("connection.vendor == 'postgresql'", reason="on PostgreSQL months are archived")
def test_on_sqlite_nothing_is_archived(db: None, files: Path) -> None:
    done = run("receipts", "archive", "--before", "2020-01", "--to", str(files))
    assert done.code == 2
    assert "SQLite keeps them in one table" in done.err


@on_postgresql
@pytest.mark.parametrize("days", [(f"{OLD}-01",), (f"{month(0)}-02", f"{OLD}-03")])
def test_a_chain_that_does_not_name_the_archived_head_before_it_is_found(
    gate: Sender, files: Path, days: tuple[str, ...]
) -> None:
    """Of the chain before, the end is archived; its own beginning is here or archived."""
    other = Sender("gate", gate.key, parent="sha256:" + "1" * 64)
    first = {"previous_chain_id": gate.chain_id, "previous_sequence": gate.sequence, "boot_nonce": "x"}
    lines = [other.receipt(event_time=f"{days[0]}T12:00:00.000Z", genesis=first)]
    ingest_batch(other.batch([*lines, *(other.receipt(event_time=f"{day}T12:00:00.000Z") for day in days[1:])]))
    wait_for(lambda: Stretch.objects.filter(chain_id=other.chain_id).exists(), "a checkpoint")
    assert run("receipts", "archive", "--before", month(-2), "--to", str(files)).code == 0
    said = f"chain {other.chain_id} does not name the archived head of chain {gate.chain_id}"
    assert said in run("receipts", "verify").out


def test_runs_are_what_follows_each_other() -> None:
    assert list(runs([1, 2, 3, 5, 8, 9])) == [(1, 3), (5, 5), (8, 9)]
    assert list(runs([])) == []
