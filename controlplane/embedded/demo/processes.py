"""Programs the demo starts: their lines are read, and they end with the demo whatever ends it."""

import asyncio
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from controlplane.embedded.supervisor import die_with_parent


class FailedError(Exception):
    """A program did not do what the story needs; the message says which and shows its last lines."""


class Running:
    """A program that stays up, its output kept in a log file."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name, self._process, self._log = name, process, log

    @classmethod
    async def start(cls, name: str, argv: Sequence[str], env: Mapping[str, str], log: Path) -> "Running":
        """Start it in its own process group."""
        with log.open("ab") as errors:
            process = await asyncio.create_subprocess_exec(
                *argv, env=dict(env), stdout=asyncio.subprocess.PIPE, stderr=errors, preexec_fn=die_with_parent
            )
        return cls(name, process, log)

    async def line_starting(self, start: str, seen: Callable[[str], None], timeout_s: float) -> str:
        """Read its output until a line starts so; every line goes to `seen`. Raises `FailedError`."""
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(timeout_s):
                async for raw in self._process.stdout:
                    line = raw.decode(errors="backslashreplace").rstrip()
                    seen(line)
                    if line.startswith(start):
                        return line
        except TimeoutError:
            raise FailedError(f"{self.name}: nothing like {start!r} in {timeout_s:.0f} s; see {self._log}") from None
        raise FailedError(f"{self.name} ended early; see {self._log}")

    async def drain(self) -> None:
        """Keep reading so that it never blocks on a full pipe."""
        assert self._process.stdout is not None
        with self._log.open("ab") as log:
            while raw := await self._process.stdout.read(65536):
                log.write(raw)

    async def stop(self) -> None:
        """End it and wait; its children end with it."""
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self._process.wait(), 10)
            except TimeoutError:
                os.killpg(self._process.pid, signal.SIGKILL)
                await self._process.wait()


async def run(name: str, argv: Sequence[str], env: Mapping[str, str], *, timeout_s: float = 60) -> str:
    """Run a command to its end and return its standard output; raises `FailedError` with what it said."""
    process = await asyncio.create_subprocess_exec(
        *argv,
        env=dict(env),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=die_with_parent,
    )
    try:
        out, errors = await asyncio.wait_for(process.communicate(), timeout_s)
    except TimeoutError:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        raise FailedError(f"{name}: not done in {timeout_s:.0f} s") from None
    if process.returncode:
        said = (errors or out).decode(errors="backslashreplace").strip()[-2000:]
        raise FailedError(f"{name} ended with {process.returncode}:\n{said}")
    return out.decode()
