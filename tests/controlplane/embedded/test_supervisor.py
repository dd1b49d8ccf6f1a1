import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from controlplane.embedded.supervisor import Part, Supervisor

SLEEP = "import time; time.sleep(600)"


async def yes() -> bool:
    return True


def part(name: str, code: str) -> Part:
    return Part(name, [sys.executable, "-c", code], {"PATH": os.environ["PATH"]}, yes)


class Watched:
    """A supervisor whose lines are kept."""

    def __init__(self, *parts: Part) -> None:
        self.lines: list[str] = []
        self.supervisor = Supervisor([[part] for part in parts], self.lines.append)
        self.ready = asyncio.Event()

    async def __aenter__(self) -> "Watched":
        self._running = asyncio.ensure_future(self.supervisor.run(self.ready.set))
        await asyncio.wait_for(self.ready.wait(), 20)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.supervisor.stop.set()
        await asyncio.wait_for(self._running, 20)

    async def line(self, start: str) -> str:
        async with asyncio.timeout(20):
            while True:
                for line in self.lines:
                    if line.startswith(start):
                        return line
                await asyncio.sleep(0.01)


def gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state == "Z"


async def until_gone(pid: int) -> None:
    async with asyncio.timeout(20):
        while not gone(pid):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.01)


async def test_parts_start_in_order_and_a_crashed_one_is_restarted_with_a_line() -> None:
    one, two = part("one", SLEEP), part("two", SLEEP)
    async with Watched(one, two) as watched:
        assert [line.rsplit(" ", 1)[0] for line in watched.lines] == ["started one pid", "started two pid"]
        assert one.process is not None
        one.process.kill()
        line = await watched.line("restarted one pid ")
        assert "ended one with -9, restarting in 0.2 s" in watched.lines
        assert line == f"restarted one pid {one.process.pid}"
    assert [p.process is not None and gone(p.process.pid) for p in (one, two)] == [True, True]


async def test_a_part_that_keeps_crashing_is_restarted_more_and_more_slowly() -> None:
    async with Watched(part("bad", "raise SystemExit(7)")) as watched:
        await watched.line("ended bad with 7, restarting in 0.2 s")
        await watched.line("ended bad with 7, restarting in 0.4 s")


async def test_what_a_part_says_comes_out_under_its_name_however_long(capfd: pytest.CaptureFixture[str]) -> None:
    say = "print('x' * 3_000_000); print('after', flush=True); " + SLEEP
    async with Watched(part("loud", say)), asyncio.timeout(20):
        said = ""
        while "loud: after\n" not in said:
            await asyncio.sleep(0.01)
            said += capfd.readouterr().err
    assert "too long to show" in said


async def test_a_part_that_ignores_the_polite_signal_is_ended_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controlplane.embedded.supervisor.STOP_GRACE_S", 0.2)
    deaf = part("deaf", f"import signal; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); {SLEEP}")
    async with Watched(deaf):
        assert deaf.process is not None
        pid = deaf.process.pid
    assert gone(pid)


async def test_what_a_crashed_part_started_goes_with_it(tmp_path: Path) -> None:
    child = tmp_path / "child"
    code = (
        "import subprocess, sys, time; "
        f"p = subprocess.Popen([sys.executable, '-c', {SLEEP!r}]); "
        f"open({str(child)!r}, 'w').write(str(p.pid)); time.sleep(600)"
    )
    parent = part("parent", code)
    async with Watched(parent) as watched:
        async with asyncio.timeout(20):
            while not (child.exists() and child.read_text()):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.01)
        pid = int(child.read_text())
        assert parent.process is not None
        parent.process.send_signal(signal.SIGKILL)
        await watched.line("restarted parent")
        await until_gone(pid)
