"""The metrics of all processes are one page, each series with its worker; the page of metrics knows them."""

import asyncio
from typing import Any, cast

import pytest

from enforcer.link.wire import Shown
from enforcer.metrics import Metrics
from enforcer.workers.overview import Overview, merged
from tests.support.metrics_page import rows, table


class Keeper:
    restarts = 2

    def __init__(self, shown: dict[int, Shown | None]) -> None:
        self.shown = shown

    async def show(self, _what: str) -> dict[int, Shown | None]:
        return self.shown


class Crew:
    workers = (1, 2)


class Journal:
    said = ""

    def depth(self) -> int:
        return 4

    def problem(self) -> str:
        return self.said


def an_overview(shown: dict[int, Shown | None]) -> Overview:
    made: Any = Overview(
        cast("Any", Crew()), cast("Any", Keeper(shown)), Metrics(["files"]), cast("Any", Journal()), lambda: 7
    )
    return cast("Overview", made)


def a_worker(calls: int) -> Shown:
    metrics = Metrics(["files"])
    for _ in range(calls):
        metrics.decided("files", "allow", "ALLOW", 0.001)
    return Shown(ask=1, text=metrics.text()[0].decode())


async def said(overview: Overview, accept: str = "") -> str:
    return (await asyncio.to_thread(overview.text, accept))[0].decode()


@pytest.mark.parametrize("accept", ["", "application/openmetrics-text; version=1.0.0"])
async def test_every_series_says_whose_it_is(accept: str) -> None:
    text = await said(an_overview({1: a_worker(3), 2: a_worker(5), 3: None}), accept)
    for worker, calls in (("1", 3), ("2", 5)):
        line = (
            f'drawbridge_decisions_total{{decision="allow",reason="ALLOW",server="files",worker="{worker}"}} {calls}.0'
        )
        assert line in text
        assert f'drawbridge_decision_seconds_count{{server="files",worker="{worker}"}} {calls}' in text
    assert "drawbridge_build_info{python=" in text
    assert 'worker="link"' in text
    assert 'worker="3"' not in text
    assert text.count("# TYPE drawbridge_decision_seconds ") == 1


async def test_the_page_lists_what_there_is_only_with_workers() -> None:
    exposed = rows(an_overview({}).own())
    assert exposed == table("Enforcer with workers"), "\n".join(exposed)


async def test_ready_means_every_worker() -> None:
    good, bad = Shown(ask=1, ready=True, report={"ready": True}), Shown(ask=1, ready=False, report={"ready": False})
    for shown, ready in (({1: good, 2: good}, True), ({1: good, 2: bad}, False), ({1: good, 2: None}, False)):
        told = await asyncio.to_thread(an_overview(cast("dict[int, Shown | None]", shown)).report)
        assert told[0] is ready
        assert list(told[1]["workers"]) == ["1", "2"]  # type: ignore[arg-type]
    overview = an_overview({1: good})
    overview._journal.said = "the disk does not answer"  # type: ignore[attr-defined]
    assert (await asyncio.to_thread(overview.report))[0] is False


def test_merging_loses_no_sample() -> None:
    one = Metrics(["files"])
    total = sum(len(family.samples) for family in one.families())
    assert sum(len(family.samples) for family in merged({"1": one.families(), "2": one.families()})) == 2 * total
