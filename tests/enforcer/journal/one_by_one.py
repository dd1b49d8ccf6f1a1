"""Records receipts one after the other and says which were reported durable and which refused."""

import asyncio
import sys
from pathlib import Path

from enforcer.journal import Journal, JournalUnavailable
from tests.enforcer.journal.receipts import a_draft, finished


async def main(directory: Path) -> None:
    journal = Journal.open(directory, enforcer_id="probe")
    for number in range(20):
        draft = a_draft(f"call-{number}")
        try:
            await journal.intend(draft)
            print("intended", draft["receipt_id"], flush=True)  # noqa: T201
            await journal.record(finished(draft))
            print("recorded", draft["receipt_id"], flush=True)  # noqa: T201
        except JournalUnavailable:
            print("refused", draft["receipt_id"], flush=True)  # noqa: T201
    await asyncio.to_thread(journal.close)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
