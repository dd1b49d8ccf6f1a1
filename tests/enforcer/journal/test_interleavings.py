"""Whatever the order of intents, outcomes, faults and restarts: what was reported is there, once, in a whole chain."""

import asyncio
import tempfile
from pathlib import Path
from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from enforcer.journal import Journal, JournalUnavailable
from tests.enforcer.journal.disk import Disk, Fault
from tests.enforcer.journal.receipts import a_draft, finished, open_ids, stored

Step = tuple[Literal["intend", "record"], str]
Round = tuple[list[Step], Fault | None, bool, bool]
STEPS = st.tuples(st.sampled_from(["intend", "record"]), st.sampled_from("abcdef"))
ROUNDS = st.lists(
    st.tuples(
        st.lists(STEPS, min_size=1, max_size=6),
        st.sampled_from([None, None, "before", "after"]),
        st.booleans(),  # the disk stays away until the round is over
        st.booleans(),  # restart after it
    ),
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(ROUNDS)
def test_what_was_reported_durable_is_there_once_and_the_chain_holds(
    rounds: list[Round],
) -> None:
    with tempfile.TemporaryDirectory() as name, Disk().installed() as disk:
        asyncio.run(_play(Path(name), disk, rounds))


async def _play(directory: Path, disk: Disk, rounds: list[Round]) -> None:
    journal = Journal.open(directory, enforcer_id="probe")
    intended: set[str] = set()
    recorded: dict[str, str] = {}
    for steps, fault, disk.leave, restart in rounds:
        if fault is not None:
            disk.faults.append(fault)
        results = await asyncio.gather(*(_do(journal, step) for step in steps))
        for (kind, receipt_id), result in zip(steps, results, strict=True):
            if result is not None and kind == "intend":
                intended.add(receipt_id)
            elif result is not None:
                assert recorded.setdefault(receipt_id, result) == result
        # an intend that failed takes the call back, whatever an earlier one of the same call was told
        intended -= {receipt_id for (kind, receipt_id), result in zip(steps, results, strict=True) if result is None}
        disk.away = False
        if restart:
            disk.faults.clear()
            await asyncio.to_thread(journal.close)
            journal = Journal.open(directory, enforcer_id="probe")
    disk.faults.clear()
    await asyncio.to_thread(journal.close)
    Journal.open(directory, enforcer_id="probe").close()
    there = {str(r["receipt_id"]): str(r["receipt_hash"]) for r in stored(directory)}
    assert recorded.items() <= there.items()
    assert intended <= there.keys()
    assert open_ids(directory) == set()


async def _do(journal: Journal, step: Step) -> str | None:
    kind, receipt_id = step
    try:
        if kind == "record":
            return (await journal.record(finished(a_draft(receipt_id)))).receipt_hash
        await journal.intend(a_draft(receipt_id))
    except JournalUnavailable:
        return None
    except ValueError as problem:
        assert kind == "intend"
        assert "recorded already" in str(problem)  # noqa: PT017
        return None
    return "open"
