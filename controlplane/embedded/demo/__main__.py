"""`python -m controlplane.embedded.demo [--exit]`: exit code 0 only if every step held."""

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path

from controlplane.embedded.demo.console import Console
from controlplane.embedded.demo.processes import FailedError
from controlplane.embedded.demo.scene import ROOT, Scene
from controlplane.embedded.demo.story import tell

console = Console()


async def play(home: Path, *, leave: bool) -> None:
    """Start, tell, stay up until a signal unless `leave`."""
    ended = asyncio.Event()
    playing = asyncio.current_task()
    assert playing is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    scene = Scene(home, console.say)
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
        console.say("everything stopped")


async def _cancel_on(ended: asyncio.Event, playing: asyncio.Task[object]) -> None:
    await ended.wait()
    playing.cancel()


async def _stay(scene: Scene, ended: asyncio.Event) -> None:
    console.head("It stays up. What to try next")
    for line in _next(scene):
        console.say(line)
    await ended.wait()


def _next(scene: Scene) -> list[str]:
    login, manage = scene.login, f"DRAWBRIDGE_DATA_DIR={scene.data} .venv/bin/python manage.py"
    assert login is not None
    agent = f".venv/bin/python -m controlplane.embedded.demo.agent {scene.gates['git']} git_status"
    arguments = json.dumps({"repo_path": str(scene.repository)})
    return [
        f"web: {scene.control_plane}   sign in as {login.username}, password {login.password}",
        *(f"gate of {server}: {url}" for server, url in sorted(scene.gates.items())),
        "try: let a new agent read the repository, in the web; docs/tutorial.md goes through it in five minutes",
        f"an agent's call: {agent} '{arguments}'",
        f"a token for it: {manage} issue_token ada",
        f"the policy as a file: {manage} export; change it and apply it again: {manage} apply FILE",
        "Ctrl-C ends everything",
    ]


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
            console.say(f"FAILED: {problem}")
        code = 1
    except* asyncio.CancelledError:
        code = 130
    return code


if __name__ == "__main__":
    sys.exit(main())
