"""Real processes for tests: started with a log, waited for by condition, ended with everything they started."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def wait_for(condition: Callable[[], T | None], what: str, timeout_s: float = 30) -> T:
    """Ask again until the answer is true; an `AssertionError` names what did not come."""
    end = time.monotonic() + timeout_s
    while True:
        answer = condition()
        if answer:
            return answer
        assert time.monotonic() < end, f"not within {timeout_s} s: {what}"
        time.sleep(0.02)


def free_port() -> int:
    """A TCP port that was free a moment ago."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


class Program:
    """A process group with its output in one file."""

    def __init__(
        self, argv: Sequence[str | Path], *, log: Path, env: Mapping[str, str], cwd: Path | None = None
    ) -> None:
        self.log = log
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                [str(a) for a in argv],
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=dict(env),
                cwd=cwd,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        """What it has said so far."""
        return self.log.read_text(errors="backslashreplace")

    def line(self, start: str, timeout_s: float = 60) -> str:
        """Wait for a line that starts so and return it."""

        def seen() -> str | None:
            for line in self.output.splitlines():
                if line.startswith(start):
                    return line
            assert self.process.poll() is None, f"ended with {self.process.returncode}:\n{self.output[-4000:]}"
            return None

        return str(wait_for(seen, f"a line {start!r} in {self.log}", timeout_s))

    def kill(self) -> None:
        """SIGKILL to the process alone: what it started has to end by itself."""
        self.process.kill()
        self.process.wait()

    def stop(self, timeout_s: float = 20) -> int:
        """SIGTERM, then after a while SIGKILL to the whole group; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        return int(self.process.returncode)
