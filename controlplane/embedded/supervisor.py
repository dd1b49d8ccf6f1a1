"""Starts the parts in waves with a line for each, restarts the one that ends, and takes all along when it ends.

Children die with this process whatever ends it (PR_SET_PDEATHSIG), and Ctrl-C reaches only this process (setsid).
"""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)
FIRST_PAUSE_S, LONGEST_PAUSE_S, HEALTHY_AFTER_S = 0.2, 10.0, 30.0
STOP_GRACE_S = 8.0
ASK_EVERY_S = 0.03
LONGEST_LINE = 1 << 20

Check = Callable[[], Awaitable[bool]]
Spawned = asyncio.subprocess.Process


def die_with_parent() -> None:
    """For `preexec_fn`: an own session, and SIGKILL when the parent is gone."""
    os.setsid()
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


@dataclass(slots=True)
class Part:
    """A program to keep running. `ready` is asked until it says yes before the next wave is started."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    ready: Check
    process: Spawned | None = field(default=None, init=False)


class Supervisor:
    """Keeps the parts running until `stop` is set. The parts of a wave start and end together."""

    def __init__(self, waves: Sequence[Sequence[Part]], say: Callable[[str], None]) -> None:
        self._waves, self._say = waves, say
        self.stop = asyncio.Event()

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Start everything, call `on_ready`, supervise until stopped, then end everything in reverse order."""
        async with asyncio.TaskGroup() as tasks:
            keepers: list[asyncio.Task[None]] = []
            starting = tasks.create_task(self._start_all(tasks, keepers, on_ready))
            await self.stop.wait()
            starting.cancel()
            for wave in reversed(self._waves):
                await asyncio.gather(*(_end(part) for part in wave))  # their keepers read what they say to the end
            for keeper in keepers:
                keeper.cancel()

    async def _start_all(
        self, tasks: asyncio.TaskGroup, keepers: list[asyncio.Task[None]], on_ready: Callable[[], None]
    ) -> None:
        for wave in self._waves:
            for part in wave:
                started = asyncio.Event()
                keepers.append(tasks.create_task(self._keep(part, started)))
                await started.wait()
            for part in wave:
                while not await part.ready():  # noqa: ASYNC110 - asks another process
                    await asyncio.sleep(ASK_EVERY_S)
        on_ready()

    async def _keep(self, part: Part, started: asyncio.Event) -> None:
        pause, word = FIRST_PAUSE_S, "started"
        clock = asyncio.get_running_loop().time
        while not self.stop.is_set():
            since = clock()
            ours, theirs = os.pipe()  # not asyncio's: its `wait` would wait for grandchildren that hold the pipe
            process = part.process = await _spawn(part, theirs)
            self._say(f"{word} {part.name} pid {process.pid}")
            started.set()
            code = await _ended(part.name, process, ours)
            if self.stop.is_set():
                return
            pause = FIRST_PAUSE_S if clock() - since > HEALTHY_AFTER_S else pause
            self._say(f"ended {part.name} with {code}, restarting in {pause:.1f} s")
            await asyncio.sleep(pause)
            pause, word = min(pause * 2, LONGEST_PAUSE_S), "restarted"


async def _spawn(part: Part, said: int) -> Spawned:
    try:
        return await asyncio.create_subprocess_exec(
            *part.argv,
            env=dict(part.env),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            preexec_fn=die_with_parent,
        )
    finally:
        os.close(said)


async def _ended(name: str, process: Spawned, said: int) -> int:
    """Its exit code, once it and what it started are gone."""
    async with asyncio.TaskGroup() as copying:
        copying.create_task(_copy(name, said))
        code = await process.wait()
        _signal(process, signal.SIGKILL)  # what it left behind keeps ports and our pipe
    return code


async def _copy(name: str, said: int) -> None:
    """What a part says, to our standard error, under its name."""
    stream = asyncio.StreamReader(limit=LONGEST_LINE)
    pipe, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(said, "rb")
    )
    try:
        while raw := await _line(stream):
            sys.stderr.write(f"{name}: {raw.decode(errors='backslashreplace').rstrip()}\n")
            sys.stderr.flush()
    finally:
        pipe.close()


async def _line(stream: asyncio.StreamReader) -> bytes:
    try:
        return await stream.readline()
    except ValueError:
        return b"(a line too long to show)\n"


async def _end(part: Part) -> None:
    process = part.process
    if process is None or process.returncode is not None:
        return
    _signal(process, signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), STOP_GRACE_S)
    except TimeoutError:
        _signal(process, signal.SIGKILL)
        await process.wait()


def _signal(process: Spawned, number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass
