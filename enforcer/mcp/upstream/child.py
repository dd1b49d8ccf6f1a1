"""One process of a stdio server, from start to the end of its group (MCP_WIRE section 5).

Runs on callbacks alone: no task to lose. It ends by stdin closed, then SIGTERM, then SIGKILL, to the whole group; what
is in flight when it dies fails. Started from the event loop's thread: the kernel ties its death signal to that thread.
"""

import asyncio
import logging
import os
import secrets
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import cast

from enforcer.contract.strict_json import JsonObject
from enforcer.mcp.upstream.base import UpstreamFailure
from enforcer.mcp.upstream.inbox import Inboxes
from enforcer.mcp.upstream.lines import LineSplitter
from enforcer.mcp.upstream.shape import TOOLS_CHANGED, encode, read
from enforcer.mcp.upstream.stderr import StderrLog
from enforcer.sandbox.plan import LaunchPlan

log = logging.getLogger(__name__)

_LAUNCHER = str(Path(__file__).with_name("_launcher.py"))
_STEP_S = 2.0  # for each step of ending
_LAST_WORDS_S = 0.5  # what was written just before exit may still be in the pipe
_NOISE_BYTES = 200
_UNREAD_BYTES = 4 * 1024 * 1024
_STDIN, _STDOUT = 0, 1


class Child(asyncio.SubprocessProtocol):
    """A running server. `session_id` names this process: a legacy session can't move to another one."""

    def __init__(
        self, label: str, on_exit: Callable[["Child"], None], on_list_changed: Callable[[], None] = lambda: None
    ) -> None:
        self.label, self._on_list_changed = label, on_list_changed
        self.session_id = secrets.token_hex(16)
        self.holds_session = False
        self.inboxes = Inboxes()
        self.idle: asyncio.TimerHandle | None = None
        self.last_use = 0
        self.exited: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ending = False
        self._on_exit = on_exit
        self._output_ended = False
        self._reaped = False
        self._lines = LineSplitter()
        self._stderr = StderrLog(label)
        self._transport: asyncio.SubprocessTransport | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def start(self, plan: LaunchPlan) -> None:
        """Launch the process; raises `UpstreamFailure` where not even that works."""
        argv = [sys.executable, "-I", "-S", _LAUNCHER, str(os.getpid()), *plan.argv]
        try:
            await asyncio.get_running_loop().subprocess_exec(
                lambda: self, *argv, env=plan.env, cwd=plan.cwd, start_new_session=True
            )
        except OSError as error:
            raise UpstreamFailure("unavailable", f"can't start: {error.strerror}", sent=False) from error

    def send(self, message: JsonObject) -> None:
        """Write one message; refused where the child doesn't read."""
        stdin = self._stdin()
        if self.ending or stdin is None or stdin.is_closing():
            raise UpstreamFailure("unavailable", "the process is ending", sent=False)
        if stdin.get_write_buffer_size() > _UNREAD_BYTES:
            raise UpstreamFailure("unavailable", "the process doesn't read its input", sent=False)
        stdin.write(encode(message) + b"\n")

    def end(self) -> None:
        """Begin to end it; `exited` says when it is gone."""
        if self.ending:
            return
        self.ending = True
        self.inboxes.fail_all("unavailable", "the process was ended")
        stdin = self._stdin()
        if stdin is not None:
            stdin.close()
        self._later(_STEP_S, self._terminate)

    def kill(self) -> None:
        """End it this instant."""
        self._kill()
        self.end()

    def drop_unread(self) -> None:
        """Nobody waits any more: what the child has not taken yet must not reach it later, so it ends at once."""
        stdin = self._stdin()
        if stdin is not None and stdin.get_write_buffer_size() > 0:
            self.kill()

    def _stdin(self) -> asyncio.WriteTransport | None:
        pipe = self._transport.get_pipe_transport(_STDIN) if self._transport else None
        return cast("asyncio.WriteTransport | None", pipe)

    def _terminate(self) -> None:
        self._signal(signal.SIGTERM)
        self._later(_STEP_S, self._kill)

    def _kill(self) -> None:
        self._signal(signal.SIGKILL)

    def _later(self, seconds: float, action: Callable[[], None]) -> None:
        if not self.exited.done():
            self._timer = asyncio.get_running_loop().call_later(seconds, action)

    def _signal(self, number: signal.Signals) -> None:
        pid = self._transport.get_pid() if self._transport else None
        if pid is None:
            return
        try:
            os.killpg(pid, number)
        except (ProcessLookupError, PermissionError):
            return

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop once the process runs."""
        self._transport = cast("asyncio.SubprocessTransport", transport)  # uvloop's is no subclass

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Called by the loop with output of the process."""
        if fd != _STDOUT:
            self._stderr.feed(data)
            return
        for line in self._lines.feed(data, self.inboxes.line_limit):
            self._received(line)

    def _received(self, line: bytes | None) -> None:
        if line is None:
            self.inboxes.fail_all("invalid", "a line longer than the response limit")
            return
        result = read(line)
        if isinstance(result, str):
            self._noise(line, result)
            return
        kind, message = result
        if message.get("method") == TOOLS_CHANGED:
            self._on_list_changed()
        inbox = self.inboxes.find(kind, message)
        if inbox is None:
            log.debug("%s: dropped a %s that belongs to no call in flight", self.label, kind)
        else:
            inbox.put(message, len(line))

    def _noise(self, line: bytes, problem: str) -> None:
        """Banners and the like are ignored; a message that can't be read may be anybody's answer, so isn't logged."""
        if b'"jsonrpc"' in line:
            self.inboxes.fail_all("invalid", problem)
        else:
            log.debug("%s: ignored a line on stdout: %r", self.label, line[:_NOISE_BYTES])

    def pipe_connection_lost(self, fd: int, _exc: Exception | None) -> None:
        """Called by the loop when a pipe closes: without stdout there are no more answers."""
        if fd == _STDOUT:
            self._output_ended = True
            self.inboxes.fail_all("unavailable", "the process closed its output")
            self.end()
            if self._reaped:
                self._gone()

    def process_exited(self) -> None:
        """Called by the loop when the process is gone. A grandchild may keep the pipes, so they are not waited for."""
        log.info("%s: process ended with status %s", self.label, self._status())
        self.ending = True
        if self._timer is not None:
            self._timer.cancel()
        self._signal(signal.SIGKILL)  # what is left of its group
        self._reaped = True
        if self._output_ended:
            self._gone()
        else:
            asyncio.get_running_loop().call_later(_LAST_WORDS_S, self._gone)

    def _gone(self) -> None:
        if self.exited.done():
            return
        self.inboxes.fail_all("unavailable", f"the process ended with status {self._status()}")
        if self._transport is not None:
            self._transport.close()
        self.exited.set_result(None)
        self._on_exit(self)

    def _status(self) -> int | None:
        return self._transport.get_returncode() if self._transport else None
