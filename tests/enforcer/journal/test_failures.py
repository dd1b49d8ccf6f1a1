import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from enforcer.journal import Journal, JournalUnavailable
from enforcer.journal import journal as journal_module
from enforcer.journal.entries import Outcome
from enforcer.journal.store import Store
from tests.enforcer.journal.disk import Disk
from tests.enforcer.journal.receipts import a_draft, finished, open_ids, stored
from tests.support.processes import wait_for


@pytest.fixture
def disk() -> Iterator[Disk]:
    with Disk().installed() as made:
        yield made


async def drained(journal: Journal) -> None:
    """Until the writer has nothing left to do."""
    await asyncio.to_thread(journal.ask, Store.depth)


async def test_a_failed_commit_refuses_all_that_waited_and_the_next_one_works(
    disk: Disk, journal: Journal, tmp_path: Path
) -> None:
    disk.faults.append("before")
    results = await asyncio.gather(*(journal.intend(a_draft()) for _ in range(5)), return_exceptions=True)
    assert all(isinstance(result, JournalUnavailable) for result in results)
    await journal.record(a_draft("next"))
    assert [r["receipt_id"] for r in stored(tmp_path)] == ["next"]
    assert open_ids(tmp_path) == set()
    assert journal.problem() == ""


async def test_what_got_in_although_the_commit_seemed_to_fail_is_reported_so(
    disk: Disk, journal: Journal, tmp_path: Path
) -> None:
    disk.faults.append("after")
    await journal.intend(a_draft("one"))
    disk.faults.append("after")
    recorded = await journal.record(finished(a_draft("one")))
    await journal.record(a_draft("two"))
    assert stored(tmp_path)[0]["receipt_hash"] == recorded.receipt_hash
    assert disk.failed == 2


async def test_the_outcome_of_a_call_that_was_sent_is_written_once_the_disk_is_back(
    disk: Disk, journal: Journal, tmp_path: Path
) -> None:
    await journal.intend(a_draft("sent"))
    disk.away = True
    disk.faults.append("before")
    with pytest.raises(JournalUnavailable):
        await journal.record(finished(a_draft("sent")))
    with pytest.raises(JournalUnavailable):
        await journal.record(a_draft("refusal"))
    assert "unable to open" in journal.problem()
    disk.away = False
    await asyncio.to_thread(wait_for, lambda: journal.problem() == "" and journal.depth() == 1, "the owed receipt")
    assert [r["outcome"] for r in stored(tmp_path)] == [{"status": "success", "duration_ms": 1.5}]
    assert open_ids(tmp_path) == set()


async def test_an_intent_that_was_refused_and_got_in_is_withdrawn(disk: Disk, journal: Journal, tmp_path: Path) -> None:
    disk.away = True
    disk.faults.append("after")
    with pytest.raises(JournalUnavailable):
        await journal.intend(a_draft("never sent"))
    disk.away = False
    await asyncio.to_thread(wait_for, lambda: journal.problem() == "", "the disk")
    await drained(journal)
    assert open_ids(tmp_path) == set()
    assert stored(tmp_path) == []


async def test_a_long_outage_gathers_nothing(disk: Disk, journal: Journal) -> None:
    await journal.intend(a_draft("sent"))
    disk.away = True
    disk.faults.append("before")
    for _ in range(3):
        refused = [journal.intend(a_draft()) for _ in range(100)] + [journal.record(a_draft()) for _ in range(100)]
        results = await asyncio.gather(*refused, journal.record(finished(a_draft("sent"))), return_exceptions=True)
        assert all(isinstance(result, JournalUnavailable) for result in results)
    owed = journal._writer._owed
    assert len([entry for entry in owed if isinstance(entry, Outcome)]) <= 3
    assert len(owed) <= 100 + 3  # the intents of the one group whose commit failed, and the call that was sent
    disk.away = False
    await asyncio.to_thread(wait_for, lambda: journal.problem() == "" and journal.depth() == 1, "the owed receipt")


async def test_a_journal_that_cannot_be_opened_refuses_and_opens_later(disk: Disk, tmp_path: Path) -> None:
    disk.away = True
    journal = Journal.open(tmp_path, enforcer_id="probe")
    with pytest.raises(JournalUnavailable):
        await journal.intend(a_draft())
    disk.away = False
    await asyncio.to_thread(wait_for, lambda: journal.problem() == "", "the disk")
    await journal.record(a_draft("one"))
    journal.close()
    assert len(stored(tmp_path)) == 1


async def test_a_disk_that_hangs_is_answered_in_time_and_loses_nothing_that_was_sent(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await journal.intend(a_draft("sent"))
    monkeypatch.setattr(journal_module, "DEADLINE_S", 0.2)
    thaw, commit = threading.Event(), Store.commit

    def hanging(store: Store) -> None:
        thaw.wait(30)
        commit(store)

    monkeypatch.setattr(Store, "commit", hanging)
    begun = asyncio.get_running_loop().time()
    results: list[object] = await asyncio.gather(
        journal.intend(a_draft("late")),
        journal.record(finished(a_draft("sent"))),
        return_exceptions=True,
    )
    results += await asyncio.gather(journal.intend(a_draft("later")), return_exceptions=True)
    assert asyncio.get_running_loop().time() - begun < 2
    assert all(isinstance(result, JournalUnavailable) for result in results)
    thaw.set()
    await drained(journal)
    assert [r["receipt_id"] for r in stored(tmp_path)] == ["sent"]
    assert open_ids(tmp_path) == set()


async def test_the_connection_of_a_failed_commit_is_never_used_again(
    disk: Disk, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[Store] = []
    commit = Store.commit

    def watching(store: Store) -> None:
        used.append(store)
        commit(store)

    monkeypatch.setattr(Store, "commit", watching)
    disk.faults.append("before")
    with pytest.raises(JournalUnavailable):
        await journal.intend(a_draft())
    await journal.record(a_draft())
    assert used[0] not in used[1:]
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        used[0].depth()
