"""Starts the workers, hears them, starts one anew that ended, and ends them all when it is time."""

import asyncio
import logging
import os
import secrets
import socket
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from contextlib import suppress
from itertools import count

from enforcer.config import Config
from enforcer.link.link import Link
from enforcer.link.wire import TO_LINK, Channel, Count, Show, Shown, Standing, Welcome
from enforcer.process import GRACE_S
from enforcer.workers.crew import Crew, Worker
from enforcer.workers.tally import Tally

FIRST_PAUSE_S, MOST_PAUSE_S = 0.2, 10.0
STEADY_S = 30.0  # a worker that lived so long has no history
SHOWN_S = 60.0
ANSWER_S = 4.0
END_S = GRACE_S + 8

log = logging.getLogger(__name__)


class Keeper:
    """One for the link process."""

    def __init__(self, config: Config, crew: Crew, link: Link, listening: socket.socket, number: int) -> None:
        self._config, self._crew, self._link, self._listening = config, crew, link, listening
        self._number, self._tally = number, Tally()
        self._cursor_key = secrets.token_bytes(32)
        self._processes: dict[int, Process] = {}
        self._ended: dict[int, float] = {}
        self._asked: dict[int, asyncio.Future[Shown]] = {}
        self._asks = count(1)
        self.restarts = 0

    async def run(self, stopping: asyncio.Event) -> None:
        """Until `stopping` is set, and every worker has ended."""
        async with asyncio.TaskGroup() as tasks:
            for number in range(1, self._number + 1):
                tasks.create_task(self._keep(number, stopping), name=f"worker {number}")
            await stopping.wait()
            await self._end_all()

    def warnings(self) -> list[str]:
        """Workers that ended by themselves in the last minute."""
        now = time.monotonic()
        return [
            f"worker {n} ended by itself and was started anew" for n, at in self._ended.items() if now - at < SHOWN_S
        ]

    async def show(self, what: str) -> dict[int, Shown | None]:
        """How each worker stands, by number; none where it doesn't run or doesn't answer in time."""
        workers = {worker.number: worker for worker in self._crew.workers}
        asked = {number: self._ask(worker, what) for number, worker in workers.items()}
        if asked:
            await asyncio.wait(asked.values(), timeout=ANSWER_S)
        for waiting in asked.values():
            waiting.cancel()
        found: dict[int, Shown | None] = dict.fromkeys(range(1, self._number + 1))
        return found | {n: one.result() for n, one in asked.items() if one.done() and not one.cancelled()}

    def _ask(self, worker: Worker, what: str) -> "asyncio.Future[Shown]":
        ask = next(self._asks)
        waiting = self._asked[ask] = asyncio.get_running_loop().create_future()
        waiting.add_done_callback(lambda _: self._asked.pop(ask, None))
        worker.channel.send(Show(ask=ask, what=what))
        return waiting

    async def _keep(self, number: int, stopping: asyncio.Event) -> None:
        pause_s = FIRST_PAUSE_S
        while not stopping.is_set():
            began = time.monotonic()
            code = await self._one(number, stopping)
            if stopping.is_set():
                return
            log.error("worker %d ended with %s and starts anew", number, code)
            self._ended[number], self.restarts = time.monotonic(), self.restarts + 1
            pause_s = FIRST_PAUSE_S if time.monotonic() - began > STEADY_S else min(2 * pause_s, MOST_PAUSE_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await stopping.wait()

    async def _one(self, number: int, stopping: asyncio.Event) -> int | str:
        """From its start to its end; its exit code, or why it can't be started."""
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                process = await self._start(number, theirs)
        except OSError as problem:
            ours.close()
            return f"no start, {problem.strerror}"
        self._processes[number] = process
        if stopping.is_set():  # it was not there yet when the others were told
            process.terminate()
        worker = Worker(number, await Channel.over(ours))
        worker.channel.send(Welcome(cursor_key=self._cursor_key))
        self._crew.joined(worker, self._link)
        try:
            async for frame in worker.channel.frames(TO_LINK):
                self._heard(worker, frame)
            return await _ended(process)
        finally:
            worker.channel.close()
            self._crew.left(worker)
            del self._processes[number]

    async def _start(self, number: int, channel: socket.socket) -> Process:
        listening = self._listening.fileno()
        given = (self._config.path, number, os.getpid(), listening, channel.fileno())
        # -P: what lies in the working directory is not to be imported
        argv = (sys.executable, "-P", "-m", "enforcer.workers.child", *map(str, given))
        return await asyncio.create_subprocess_exec(
            *argv, stdin=DEVNULL, stdout=DEVNULL, pass_fds=(listening, channel.fileno())
        )

    def _heard(self, worker: Worker, frame: object) -> None:
        if isinstance(frame, Standing):
            self._crew.stands(worker, frame)
        elif isinstance(frame, Count):
            answer = self._tally.answer(frame)
            if answer is not None:
                worker.channel.send(answer)
        elif isinstance(frame, Shown):
            waiting = self._asked.get(frame.ask)
            if waiting is not None and not waiting.done():
                waiting.set_result(frame)

    async def _end_all(self) -> None:
        """Each has its time to end what it has begun."""
        self._listening.close()  # who comes now is to be refused, not kept waiting
        processes = list(self._processes.values())
        for process in processes:
            with suppress(ProcessLookupError):
                process.terminate()
        async with asyncio.TaskGroup() as tasks:
            for process in processes:
                tasks.create_task(_ended(process))


async def _ended(process: Process) -> int:
    """Its exit code. It lets nothing pass any more and has its time to end what it has begun; then it is killed."""
    try:
        async with asyncio.timeout(END_S):
            return await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        return await process.wait()
