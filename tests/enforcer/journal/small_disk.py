"""Run on a file system of a megabyte: fills it, is refused, gets room, goes on. Prints what was reported durable."""

import asyncio
import sys
from pathlib import Path

from enforcer.journal import Journal, JournalUnavailable
from tests.enforcer.journal.receipts import a_draft, finished, open_ids, stored
from tests.support.processes import wait_for


async def main(directory: Path) -> None:
    journal = Journal.open(directory, enforcer_id="probe")
    await journal.intend(a_draft("sent"))
    reported = ["sent"]
    while (used := directory / "ballast").exists() is False:
        used.write_bytes(b"x" * 500_000)
    refused = 0
    while refused < 3:
        try:
            reported.append((await journal.record(a_draft(note="x" * 2000))).receipt_id)
        except JournalUnavailable:
            refused += 1
    try:
        await journal.record(finished(a_draft("sent")))
        raise AssertionError("the disk is not full")
    except JournalUnavailable:
        print("refused:", journal.problem(), flush=True)  # noqa: T201
    used.unlink()
    await asyncio.to_thread(wait_for, lambda: not journal.problem(), "room")
    reported.append((await journal.record(a_draft("after"))).receipt_id)
    await asyncio.to_thread(journal.close)
    there = {str(r["receipt_id"]): r for r in stored(directory)}
    assert set(reported) <= there.keys(), set(reported) - there.keys()
    assert there["sent"]["outcome"] == finished({})["outcome"], "the owed outcome"
    assert open_ids(directory) == set()
    print(f"whole with {len(there)} receipts", flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
