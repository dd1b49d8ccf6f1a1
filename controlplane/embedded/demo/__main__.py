"""`python -m controlplane.embedded.demo [--exit]`: exit code 0 only if every step held."""

import argparse
import asyncio
import signal
import sys
import time
from pathlib import Path

from controlplane.embedded.demo.processes import FailedError
from controlplane.embedded.demo.scene import ROOT, Scene
from controlplane.embedded.demo.story import tell

START = time.monotonic()


def say(line: str) -> None:
    """One line of the story, with the seconds since the start."""
    sys.stdout.write(f"{time.monotonic() - START:6.1f} s  {line}\n" if line else "\n")
    sys.stdout.flush()


async def play(home: Path, *, leave: bool) -> None:
    """Start, tell, stay up until a signal unless `leave`."""
    ended = asyncio.Event()
    playing = asyncio.current_task()
    assert playing is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    scene = Scene(home, say)
    try:
        async with asyncio.TaskGroup() as tasks:
            watch = tasks.create_task(_cancel_on(ended, playing))
            try:
                await scene.prepare(tasks)
                await tell(scene)
                watch.cancel()
                if not leave:
                    await _stay(scene, ended)
            finally:
                watch.cancel()
                await scene.stop()
    finally:
        say("everything stopped")


async def _cancel_on(ended: asyncio.Event, playing: asyncio.Task[object]) -> None:
    await ended.wait()
    playing.cancel()


async def _stay(scene: Scene, ended: asyncio.Event) -> None:
    say("")
    say(f"control plane: {scene.control_plane}")
    for server, url in scene.gates.items():
        say(f"gate of {server}: {url}")
    say(f"a token: DRAWBRIDGE_DATA_DIR={scene.data} .venv/bin/python manage.py issue_token ada")
    say(f"next: change {scene.home}/policy.yaml and apply it with the same manage.py")
    say("Ctrl-C ends everything")
    await ended.wait()


def leaves(group: BaseExceptionGroup[FailedError]) -> list[str]:
    """What went wrong, out of all the groups around it."""
    found: list[str] = []
    for problem in group.exceptions:
        found += leaves(problem) if isinstance(problem, BaseExceptionGroup) else [str(problem)]
    return found


def main() -> int:
    """Exit code: 0 the story held, 1 it did not, 130 interrupted."""
    parser = argparse.ArgumentParser(prog="make demo")
    parser.add_argument("--exit", action="store_true", help="end after the story instead of staying up")
    parser.add_argument("--home", type=Path, default=ROOT / "var" / "demo", help="where everything is kept")
    options = parser.parse_args()
    code = 0
    try:
        asyncio.run(play(options.home.resolve(), leave=options.exit))
    except* FailedError as group:
        for problem in leaves(group):
            say(f"FAILED: {problem}")
        code = 1
    except* asyncio.CancelledError:
        code = 130
    return code


if __name__ == "__main__":
    sys.exit(main())
