import asyncio
import itertools
import json
import os
import sqlite3
import stat
from pathlib import Path

import orjson
import pytest

from enforcer.errors import ConfigurationError
from enforcer.journal import Journal, JournalUnavailable, Recorded
from tests.enforcer.journal.receipts import a_draft, finished, open_ids, stored


async def test_a_recorded_receipt_is_a_link_and_ends_its_intent(journal: Journal, tmp_path: Path) -> None:
    draft = a_draft("one")
    await journal.intend(draft)
    assert open_ids(tmp_path) == {"one"}
    recorded = await journal.record(finished(draft))
    (receipt,) = stored(tmp_path)
    assert open_ids(tmp_path) == set()
    assert recorded == Recorded("one", str(receipt["chain_id"]), 1, str(receipt["receipt_hash"]), recorded.line)
    assert json.loads(recorded.line) == receipt
    assert journal.depth() == 1


async def test_a_refusal_needs_no_intent(journal: Journal, tmp_path: Path) -> None:
    await journal.record(a_draft("refused"))
    assert [r["receipt_id"] for r in stored(tmp_path)] == ["refused"]


async def test_recording_twice_makes_one_link_and_tells_where_it_is(journal: Journal, tmp_path: Path) -> None:
    first = await journal.record(a_draft("one"))
    assert await journal.record(a_draft("one")) == first
    twice = await asyncio.gather(journal.record(a_draft("two")), journal.record(a_draft("two")))
    assert twice[0] == twice[1]
    assert len(stored(tmp_path)) == 2


async def test_a_call_left_open_by_a_dead_process_becomes_a_receipt(tmp_path: Path) -> None:
    first = Journal.open(tmp_path, enforcer_id="probe")
    done = await first.record(a_draft("done"))
    await first.intend(a_draft("sent"))
    await first.intend(a_draft("unsent", _dispatch="no"))
    first.close()
    second = Journal.open(tmp_path, enforcer_id="probe")
    second.close()
    receipts = {str(r["receipt_id"]): r for r in stored(tmp_path)}
    assert receipts["sent"]["outcome"] == {"status": "error", "detail": "interrupted: effect unknown"}
    assert receipts["unsent"]["outcome"] == {"status": "error", "detail": "interrupted: not sent"}
    assert "_dispatch" not in receipts["unsent"]
    assert receipts["sent"]["decision"] == a_draft()["decision"]
    assert receipts["sent"]["trace_id"] == a_draft()["trace_id"]
    assert receipts["sent"]["chain_id"] != done.chain_id
    assert receipts["sent"]["parent_hash"] == done.receipt_hash
    assert receipts["sent"]["genesis"] == {
        "boot_nonce": second.boot_nonce,
        "previous_chain_id": done.chain_id,
        "previous_sequence": 1,
    }
    assert open_ids(tmp_path) == set()


async def test_starts_without_a_receipt_leave_no_trace_in_the_chain(tmp_path: Path) -> None:
    first = Journal.open(tmp_path, enforcer_id="probe")
    done = await first.record(a_draft())
    first.close()
    for _ in range(3):
        Journal.open(tmp_path, enforcer_id="probe").close()
    last = Journal.open(tmp_path, enforcer_id="probe")
    await last.record(a_draft())
    last.close()
    assert stored(tmp_path)[1]["parent_hash"] == done.receipt_hash


async def test_stamps_keep_their_order_when_the_clock_jumps_back_over_a_restart(tmp_path: Path) -> None:
    for now in (3000.0, 1000.0, 2000.0):
        journal = Journal.open(tmp_path, enforcer_id="probe", clock=itertools.repeat(now).__next__)
        await journal.record(a_draft(observed_at="1970-01-01T00:00:01.000Z"))
        journal.close()
    stamps = [str(r["transaction_time"]["recorded_at"]) for r in stored(tmp_path)]  # type: ignore[index,call-overload]
    assert stamps == ["1970-01-01T00:50:00.000Z"] * 3


def test_a_second_enforcer_on_the_same_directory_is_refused(journal: Journal, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=rf"journal.lock: data_dir: is in use by process {os.getpid()};"):
        Journal.open(tmp_path, enforcer_id="probe")


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no/journal\.lock: data_dir: can't be opened"):
        Journal.open(tmp_path / "no", enforcer_id="probe")


async def test_nobody_else_can_read_the_files(journal: Journal, tmp_path: Path) -> None:
    await journal.record(a_draft())
    modes = {entry.name: stat.S_IMODE(entry.stat().st_mode) for entry in os.scandir(tmp_path)}
    assert {"journal.sqlite3", "journal.sqlite3-wal", "journal.lock"} <= modes.keys()
    assert set(modes.values()) == {0o600}


async def test_what_no_receipt_can_hold_is_refused_before_anything_is_sent(journal: Journal, tmp_path: Path) -> None:
    for bad in (a_draft(detail=2**60), a_draft("x" * 65), a_draft(detail="x" * 120_000), {"receipt_type": "none"}):
        with pytest.raises(ValueError, match=r"."):
            await journal.intend(bad)
    assert open_ids(tmp_path) == set()


async def test_a_receipt_that_cannot_be_written_spoils_no_other(journal: Journal, tmp_path: Path) -> None:
    results = await asyncio.gather(
        journal.record(a_draft("a")),
        journal.record(a_draft("b", detail=2**60)),
        journal.record(a_draft("c")),
        return_exceptions=True,
    )
    assert isinstance(results[1], ValueError)
    assert [r["receipt_id"] for r in stored(tmp_path)] == ["a", "c"]


async def test_a_closed_journal_refuses_at_once(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, enforcer_id="probe")
    journal.close()
    with pytest.raises(JournalUnavailable, match="closed"):
        await journal.intend(a_draft())


async def test_what_waits_is_written_before_the_journal_closes(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, enforcer_id="probe")
    async with asyncio.TaskGroup() as group:
        for _ in range(500):
            group.create_task(journal.record(a_draft()))
        await asyncio.sleep(0)
        await asyncio.to_thread(journal.close)
    assert len(stored(tmp_path)) == 500


async def test_a_call_cancelled_while_its_intent_is_written_leaves_none(journal: Journal, tmp_path: Path) -> None:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(journal.intend(a_draft("gone")))
        await asyncio.sleep(0)
        task.cancel()
    await journal.record(a_draft("later"))
    assert open_ids(tmp_path) == set()


async def test_only_acknowledged_and_old_receipts_are_trimmed(journal: Journal, tmp_path: Path) -> None:
    places = [await journal.record(a_draft()) for _ in range(5)]
    chain = places[0].chain_id
    later = "9999-01-01T00:00:00.000Z"
    await asyncio.to_thread(journal.ask, lambda s: s.mark_acked(chain, 3), writes=True)
    assert journal.depth() == 2
    assert await asyncio.to_thread(journal.ask, lambda s: s.trim("2000-01-01T00:00:00.000Z", 100), writes=True) == 0
    assert await asyncio.to_thread(journal.ask, lambda s: s.trim(later, 2), writes=True) == 2
    assert await asyncio.to_thread(journal.ask, lambda s: s.trim(later, 100), writes=True) == 1
    journal.close()
    again = Journal.open(tmp_path, enforcer_id="probe")
    assert again.depth() == 2
    last = await again.record(a_draft())
    again.close()
    assert stored_parent(tmp_path, last.sequence, last.chain_id) == places[-1].receipt_hash


def stored_parent(directory: Path, sequence: int, chain_id: str) -> object:
    with sqlite3.connect(directory / "journal.sqlite3") as sql:
        rows = [orjson.loads(line) for (line,) in sql.execute("SELECT line FROM receipt")]
    sql.close()
    return next(r["parent_hash"] for r in rows if (r["sequence"], r["chain_id"]) == (sequence, chain_id))


async def test_a_trial_is_durable_and_every_group_is_timed(journal: Journal) -> None:
    timed: list[float] = []
    journal.on_timing(timed.append)
    before = journal.committed_s()
    assert await asyncio.to_thread(journal.probe) > 0
    assert len(timed) == 1
    after = journal.committed_s()
    assert after is not None
    assert before is None or after < before
    await journal.record(a_draft())
    assert len(timed) == 2
    assert journal.size() > 0
    assert journal.waiting() == 0


async def test_a_trial_of_a_journal_that_is_closed_fails(journal: Journal) -> None:
    journal.close()
    with pytest.raises(JournalUnavailable):
        await asyncio.to_thread(journal.probe)
