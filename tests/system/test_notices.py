"""Somebody is told what is wrong, through the whole system, on a real web server of theirs."""

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.controlplane.notices.receivers import Hook, webhook
from tests.support.bench import policy
from tests.support.processes import Program, wait_for
from tests.support.system import ROOT, System


def told(hook: Hook) -> list[tuple[str, str, str]]:
    """What came so far: event, kind, about what."""
    said = [json.loads(body) for _, _, body in hook.came]
    return [(one["type"], one["data"]["kind"], one["data"]["about"]) for one in said]


@pytest.mark.timeout(240)
def test_a_publisher_that_stands_still_and_a_stop_nobody_confirms_are_told_and_told_when_they_are_over(
    tmp_path: Path,
) -> None:
    secret = tmp_path / "notify.secret"
    secret.write_text("a secret of more than 24 characters")
    with webhook() as hook:
        system = Watched(tmp_path, hook, secret)
        try:
            system.start()
            (tmp_path / "workspace").mkdir()
            system.apply(policy(tmp_path / "workspace"))
            gate = system.open_gate(system.enroll("gate", "ledger", upstream="http://127.0.0.1:9/mcp"))
            publisher = system.halt("publisher")
            try:
                opened = ("notice.opened", "publisher_stopped", "")
                wait_for(lambda: opened in told(hook), "word of the publisher", timeout_s=60)
            finally:
                os.kill(publisher, signal.SIGCONT)
            wait_for(
                lambda: ("notice.closed", "publisher_stopped", "") in told(hook), "word that it is over", timeout_s=60
            )
            gate.program.kill()
            assert system.manage("kill", "raise", "server:ledger", "--reason", "t", "--timeout", "1").code == 1
            wait_for(
                lambda: ("notice.opened", "kill_not_converged", "ledger") in told(hook),
                "word of the stop",
                timeout_s=90,
            )
            wait_for(
                lambda: ("notice.opened", "enforcer_silent", "gate") in told(hook), "word of the gate", timeout_s=60
            )
            done = system.manage("watch", "--test", env=system.notify)
            assert (done.code, done.out.split(":")[0]) == (0, "sent to 127.0.0.1"), done
            assert told(hook)[-1][0] == "notice.test"
        finally:
            system.stop()


class Watched(System):
    """`manage.py up` with somebody to tell."""

    def __init__(self, home: Path, hook: Hook, secret: Path) -> None:
        super().__init__(home)
        self.notify = {
            "NOTIFY_WEBHOOK": hook.url,
            "NOTIFY_SECRET_FILE": str(secret),
            "FETCH_ALLOW": "127.0.0.0/8",
        }

    def start(self) -> None:
        argv = [sys.executable, ROOT / "manage.py", "up", "--data-dir", self.data]
        self.up = Program(argv, log=self.home / "up.log", env={**self.env, **self.notify})
        self.up.line("ready: ", timeout_s=90)
