"""A process that writes to a journal as fast as it can and says on stdout, unbuffered, what it was told is durable."""

import asyncio
import os
import sys
from pathlib import Path

from enforcer.journal import Journal
from tests.enforcer.journal.receipts import a_draft, finished


def say(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


async def caller(journal: Journal, name: str) -> None:
    for number in range(1_000_000):
        draft = a_draft(f"{name}-{number}")
        await journal.intend(draft)
        say("intended", draft["receipt_id"])
        recorded = await journal.record(finished(draft))
        say("recorded", recorded.receipt_id, recorded.receipt_hash)


async def main() -> None:
    journal = Journal.open(Path(sys.argv[1]), enforcer_id="probe")
    async with asyncio.TaskGroup() as group:
        for number in range(16):
            group.create_task(caller(journal, f"{os.getpid()}-{number}"))


if __name__ == "__main__":
    asyncio.run(main())
