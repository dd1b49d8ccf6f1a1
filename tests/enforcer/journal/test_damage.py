import random
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from enforcer.contract.strict_json import JsonObject
from enforcer.journal import Journal
from enforcer.journal.opening import open_store
from tests.enforcer.journal.receipts import a_draft, finished, stored

FILE = "journal.sqlite3"


async def filled(directory: Path, count: int = 30) -> None:
    journal = Journal.open(directory, enforcer_id="probe")
    for _ in range(count):
        await journal.record(a_draft())
    journal.close()


def change(directory: Path, statement: str) -> None:
    with sqlite3.connect(directory / FILE) as sql:
        sql.execute(statement)
    sql.close()


def no_database(directory: Path) -> None:
    (directory / FILE).write_bytes(b"this is no database, and long enough to be looked at" * 100)


def damaged_page(directory: Path) -> None:
    raw = bytearray((directory / FILE).read_bytes())
    for at in range(4096, len(raw), 97):
        raw[at] ^= 0x55
    (directory / FILE).write_bytes(raw)


def emptied(directory: Path) -> None:
    (directory / FILE).write_bytes(b"")


def missing(directory: Path) -> None:
    (directory / FILE).unlink()


def cut_short(directory: Path) -> None:
    raw = (directory / FILE).read_bytes()
    (directory / FILE).write_bytes(raw[: len(raw) // 2])


def changed_receipt(directory: Path) -> None:
    change(directory, "UPDATE receipt SET line=replace(line, '\"allow\"', '\"deny.\"') WHERE sequence=7")


def dropped_receipt(directory: Path) -> None:
    change(directory, "DELETE FROM receipt WHERE sequence=7")


def dropped_tail(directory: Path) -> None:
    change(directory, "DELETE FROM receipt WHERE sequence>25")


def unreadable_intent(directory: Path) -> None:
    change(directory, "INSERT INTO open_call VALUES ('x', '{')")


DAMAGES = [no_database, damaged_page, emptied, missing, cut_short]
DAMAGES += [changed_receipt, dropped_receipt, dropped_tail, unreadable_intent]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda d: d.__name__)
async def test_a_damaged_journal_is_moved_aside_and_the_gap_declared(
    damage: Callable[[Path], None], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await filled(tmp_path)
    damage(tmp_path)
    journal = Journal.open(tmp_path, enforcer_id="probe")
    await journal.record(a_draft("next"))
    journal.close()
    gap, following = stored(tmp_path)
    assert (gap["receipt_type"], gap["sequence"]) == ("csp.drawbridge.gap.v1", 1)
    declared = gap["gap"]
    assert isinstance(declared, dict)
    assert declared["moved_to"] == "journal.sqlite3.bad-1"
    assert following["receipt_id"] == "next"
    assert (tmp_path / "journal.sqlite3.bad-1").exists() == (damage is not missing)
    assert "CRITICAL" in [record.levelname for record in caplog.records]
    Journal.open(tmp_path, enforcer_id="probe").close()
    assert len(stored(tmp_path)) == 2


async def test_random_damage_never_passes_as_whole(tmp_path: Path) -> None:
    rng = random.Random(7)
    for n in range(20):
        directory = tmp_path / str(n)
        directory.mkdir()
        await filled(directory, 5)
        before = stored(directory)
        raw = bytearray((directory / FILE).read_bytes())
        for _ in range(8):
            raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
        (directory / FILE).write_bytes(raw)
        Journal.open(directory, enforcer_id="probe").close()
        after = stored(directory)
        assert after == before or after[0]["receipt_type"] == "csp.drawbridge.gap.v1"


async def test_a_file_damaged_under_a_running_journal_is_replaced_and_open_calls_stay_open(tmp_path: Path) -> None:
    await filled(tmp_path)
    journal = Journal.open(tmp_path, enforcer_id="probe")
    before = await journal.record(a_draft())
    await journal.intend(a_draft("sent"))
    writer = journal._writer
    writer._close()
    changed_receipt(tmp_path)
    await journal.record(finished(a_draft("sent")))
    journal.close()
    gap, sent = stored(tmp_path)
    assert gap["genesis"] == {
        "boot_nonce": journal.boot_nonce,
        "previous_chain_id": before.chain_id,
        "previous_sequence": before.sequence,
    }
    assert gap["parent_hash"] == before.receipt_hash
    assert sent["outcome"] == finished({})["outcome"]


async def test_a_file_replaced_by_an_older_copy_under_a_running_journal_is_not_believed(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, enforcer_id="probe")
    await journal.record(a_draft())
    writer = journal._writer
    writer._close()
    older = (tmp_path / FILE).read_bytes()
    await journal.record(a_draft())
    writer._close()
    (tmp_path / FILE).write_bytes(older)
    store = open_store(writer.memory)
    store.close()
    journal.close()
    (gap,) = stored(tmp_path)
    assert reason(gap) == "it is older than what this process wrote"


def reason(gap: JsonObject) -> object:
    declared = gap["gap"]
    return declared["reason"] if isinstance(declared, dict) else None


async def test_a_second_damage_does_not_overwrite_what_the_first_left(tmp_path: Path) -> None:
    for _ in range(2):
        await filled(tmp_path)
        no_database(tmp_path)
        Journal.open(tmp_path, enforcer_id="probe").close()
    assert {n for n in (1, 2, 3) if (tmp_path / f"journal.sqlite3.bad-{n}").exists()} == {1, 2}


async def test_a_journal_of_a_later_version_is_not_written_into(tmp_path: Path) -> None:
    await filled(tmp_path)
    change(tmp_path, "PRAGMA user_version=2")
    Journal.open(tmp_path, enforcer_id="probe").close()
    assert reason(stored(tmp_path)[0]) == "its format is 2; this version knows 1"
