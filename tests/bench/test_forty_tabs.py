"""Forty open pages of live decisions ask again and again: how long the switch takes to answer meanwhile. Recorded."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import pytest

from tests.support.bench import open_bench
from tests.support.signed_in import SignedIn
from tests.support.system import System, running

TABS, EVERY_S = 40, 2.0
ROUNDS = int(os.environ.get("TAB_ROUNDS", "3"))
ADD = "/admin/incidents/killswitch/add/"
pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    with running(tmp_path) as made:
        open_bench(made)
        yield made


def times(responder: SignedIn, prefix: str) -> list[float]:
    """Milliseconds from the click on the button to the page that says that it is raised."""
    found = []
    for number in range(ROUNDS):
        page = responder.get(ADD)
        began = time.perf_counter()
        said = responder.send(ADD, page, {"target": f"tool:ledger/{prefix}{number}", "reason": "a drill"})
        found.append(1000 * (time.perf_counter() - began))
        assert "Raised" in said
    return found


@contextmanager
def tabs(responder: SignedIn, count: int) -> Iterator[list[int]]:
    """So many pages, each asking for its newest rows every other second; how many answers they had."""
    ended, answers = threading.Event(), [0] * count

    def look(number: int) -> None:
        ended.wait(EVERY_S * number / count)
        while not ended.is_set():
            assert "<table" in responder.get(f"/parts/live/?who={'ada' if number % 2 else ''}")
            answers[number] += 1
            ended.wait(EVERY_S)

    threads = [threading.Thread(target=look, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def test_the_switch_answers_with_forty_live_pages_open(
    system: System, record_property: Callable[[str, object], None]
) -> None:
    done = system.manage("createadmin", "olga")
    web = (system.data / "web.url").read_text().strip()
    olga = SignedIn(web, done.out.splitlines()[-1])
    ada = system.caller("gate", system.token("ada"))
    for number in range(120):
        ada.call("note", {"nonce": f"n{number}"})
    system.receipts()
    quiet = times(olga, "quiet")
    with tabs(olga, TABS) as answers:
        busy = times(olga, "busy")
    said = f"{median(quiet):.0f} ms alone, {median(busy):.0f} ms ({max(busy):.0f} at most) with {TABS} live pages"
    record_property("raised", said)
    sys.stdout.write(f"{said}, which had {sum(answers)} answers\n")
    assert sum(answers) > 0
