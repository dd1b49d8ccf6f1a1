"""What the durable journal adds to a call: the same gate with it and without, at 1, 8 and 64 calls at once. Recorded.

`pytest tests/bench -rP` shows the times. The server answers at once, so that nothing else is in them.
"""

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, cast

import pytest

from tests.enforcer.pipeline.workbench import Workbench

CALLS = 600


class Forgetful:
    """Takes everything, keeps nothing; lets other calls go on meanwhile as a journal does, else none would wait."""

    async def intend(self, _draft: Any) -> None:
        await asyncio.sleep(0)

    async def record(self, _receipt: Any) -> None:
        await asyncio.sleep(0)

    def problem(self) -> str:
        return ""


async def times(bench: Workbench, at_once: int) -> list[float]:
    """Seconds of each call."""
    found: list[float] = []

    async def caller() -> None:
        for _ in range(CALLS // at_once):
            began = time.perf_counter()
            await bench.call()
            found.append(time.perf_counter() - began)

    await asyncio.gather(*(caller() for _ in range(at_once)))
    return found


@pytest.mark.parametrize("at_once", [1, 8, 64])
async def test_what_the_journal_adds_to_a_call(
    tmp_path: Path, at_once: int, record_property: Callable[[str, object], None]
) -> None:
    bench = Workbench(tmp_path)
    durable = bench.gate.journal
    medians: dict[str, list[float]] = {"with": [], "without": []}
    for _ in range(5):  # one after the other, so that a busy machine is busy for both
        for name, journal in (("without", cast("Any", Forgetful())), ("with", durable)):
            bench.gate.journal = journal
            medians[name].append(1000 * median(await times(bench, at_once)))
    durable.close()
    with_it, without = median(medians["with"]), median(medians["without"])
    said = f"{at_once} at once: {without:.2f} ms without, {with_it:.2f} ms with, {with_it - without:.2f} ms more"
    record_property("journal", said)
    sys.stdout.write(said + "\n")
    assert with_it > 0
