"""The page of metrics is held to what the enforcer really exposes, and the alarms to the page."""

import re
from pathlib import Path

import pytest

from tests.enforcer.test_admin import Observed
from tests.support.metrics_page import GUIDE, alarms, documented, rows, table


async def test_the_page_lists_exactly_what_the_enforcer_exposes(tmp_path: Path) -> None:
    async with Observed(tmp_path).serving() as observed:
        metrics = observed.bench.gate.metrics
        await observed.bench.call()
        metrics.sent("files", 0.1, "upstream_timeout")  # for the series that only a failure begins
        metrics.rejected("files")
        metrics.killed("files", 0.001, 0.1)
        metrics.started("files", True)
        metrics.started("files", False)
        exposed = rows(metrics.families())
    assert exposed == table("Enforcer"), "\n".join(exposed)


@pytest.mark.parametrize(("name", "expression"), alarms().items())
def test_an_alarm_asks_for_series_that_exist_and_the_guide_says_what_to_do(name: str, expression: str) -> None:
    asked = set(re.findall(r"\bdrawbridge_\w+", expression))
    assert asked - documented() == set()
    assert asked or expression.startswith("up{")
    assert f"| `{name}` |" in GUIDE.read_text()


def test_the_guide_knows_no_alarm_that_is_not_there() -> None:
    assert set(re.findall(r"^\| `(Drawbridge\w+)` \|", GUIDE.read_text(), re.MULTILINE)) == set(alarms())
