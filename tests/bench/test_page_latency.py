"""From the button of the page to the last confirmation: what the page tells beside what callers see. Recorded.

`KILL_ROUNDS=20` for the long form, with eight enforcers under load. A caller at each asks without pause: seen from
outside, an enforcer has stopped with the first call that it refuses for the switch. Both count from the switch's row.
"""

import os
import re
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from statistics import median

import pytest

from tests.support.bench import policy
from tests.support.processes import wait_for
from tests.support.signed_in import SignedIn
from tests.support.system import System, running

ROUNDS = int(os.environ.get("KILL_ROUNDS", "1"))
GATES = 8 if "KILL_ROUNDS" in os.environ else 2
ADD = "/admin/incidents/killswitch/add/"
TOLD = re.compile(r"applied (\d+) of (\d+) in (\d+) ms")
FOLLOWED = re.compile(r"/parts/changes/(\d+)/")
SAVED = re.compile(r'saved <time datetime="([^"]+)"')
pytestmark = [pytest.mark.system, pytest.mark.timeout(0)]


class Outside:
    """A caller at each gate; when each was first refused for the switch, as seconds since 1970."""

    def __init__(self, system: System, token: str) -> None:
        self.stopped: dict[str, float] = {}
        self.ended = threading.Event()
        self._callers = {name: system.caller(name, token) for name in system.gates}
        self._threads = [threading.Thread(target=self._ask, args=(name,)) for name in self._callers]
        for thread in self._threads:
            thread.start()

    def _ask(self, name: str) -> None:
        while not self.ended.is_set():
            codes = self._callers[name].call("note", {"nonce": "load"}).codes
            if "DENY_KILL_SWITCH" in codes:
                self.stopped.setdefault(name, time.time())

    def close(self) -> None:
        self.ended.set()
        for thread in self._threads:
            thread.join()


def a_round(system: System, olga: SignedIn, outside: Outside) -> tuple[int, float]:
    """Milliseconds by the page, and by the callers."""
    outside.stopped.clear()
    page = olga.send(ADD, olga.get(ADD), {"target": "tool:ledger/note", "reason": "a drill"})
    followed = FOLLOWED.search(page)
    assert followed, page
    path = followed[0]

    def told() -> re.Match[str] | None:
        return TOLD.search(re.sub(r"\s+", " ", olga.get(path)))

    match = wait_for(told, "the page to tell it", timeout_s=60)
    assert match[1] == match[2] == str(GATES)
    wait_for(lambda: len(outside.stopped) == GATES, "every caller to be refused", timeout_s=60)
    saved = SAVED.search(olga.get(path))
    assert saved
    since = datetime.fromisoformat(saved[1]).timestamp()
    assert system.manage("kill", "lower", "tool:ledger/note", "--reason", "over").code == 0
    return int(match[3]), 1000 * (max(outside.stopped.values()) - since)


def test_the_page_tells_what_callers_see(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    with running(tmp_path) as system:
        (tmp_path / "workspace").mkdir()
        system.apply(policy(tmp_path / "workspace"))
        url = system.start_upstream("ledger", "--ledger", str(tmp_path / "ledger"))
        for number in range(GATES):
            system.open_gate(system.enroll(f"gate-{number}", "ledger", upstream=url))
        web = (system.data / "web.url").read_text().strip()
        olga = SignedIn(web, system.manage("createadmin", "olga").out.splitlines()[-1])
        outside = Outside(system, system.token("ada"))
        try:
            found = [a_round(system, olga, outside) for _ in range(ROUNDS)]
        finally:
            outside.close()
    page, seen = median(one for one, _ in found), median(other for _, other in found)
    said = f"{ROUNDS} rounds, {GATES} enforcers under load: the page told {page:.0f} ms, callers saw {seen:.0f} ms"
    record_property("page", said)
    sys.stdout.write(said + "\n")
    assert page > 0
