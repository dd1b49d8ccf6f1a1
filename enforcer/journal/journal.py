"""The journal as the call path and the shipper see it."""

import asyncio
import time
import uuid
from collections.abc import Callable
from concurrent.futures import TimeoutError as FutureTimeoutError
from pathlib import Path
from typing import TypeVar

from enforcer.contract.canonical import canonical
from enforcer.contract.strict_json import JsonObject
from enforcer.journal import database
from enforcer.journal.chain import MAX_LINE_BYTES
from enforcer.journal.clock import SteadyClock
from enforcer.journal.entries import Entry, Intent, Outcome, Request, Withdrawal
from enforcer.journal.lock import DirectoryLock
from enforcer.journal.opening import Memory
from enforcer.journal.problems import JournalUnavailable
from enforcer.journal.store import Recorded, Store
from enforcer.journal.writer import Writer

DEADLINE_S = 2.0  # RELIABILITY 1.2: never a hang
MAX_WAITING = 20_000
MAX_ID = 64  # characters; the other side stores no longer ones
ROOM_FOR_OUTCOME = 32 * 1024  # bytes a receipt may grow by between intent and outcome
T = TypeVar("T")


class Journal:
    """Durable receipts of one process. Made by `open`; its methods are for one event loop unless they say otherwise."""

    def __init__(self, writer: Writer, lock: DirectoryLock, clock: SteadyClock) -> None:
        self._writer = writer
        self._lock = lock
        self.clock = clock
        self.boot_nonce = writer.memory.boot_nonce

    @classmethod
    def open(
        cls,
        directory: Path,
        *,
        enforcer_id: str,
        clock: Callable[[], float] = time.time,
        boot_nonce: str | None = None,
    ) -> "Journal":
        """Lock the directory, close interrupted calls, start a chain. Raises `ConfigurationError` if it is in use.

        A disk that can't be written now is no error here: every write is refused until it can be.
        """
        lock = DirectoryLock.take(directory)
        steady = SteadyClock(clock)
        memory = Memory(
            directory / database.NAME, enforcer_id, boot_nonce or uuid.uuid4().hex, steady, expect_file=not lock.first
        )
        writer = Writer(memory)
        writer.start()
        return cls(writer, lock, steady)

    async def intend(self, draft: JsonObject) -> None:
        """The receipt so far, durable when this returns; raises `JournalUnavailable` within `DEADLINE_S`.

        `draft["_dispatch"] = "no"` says that nothing was sent yet. Raises `ValueError` for what no receipt can hold.
        """
        raw = canonical(draft)
        if len(raw) > MAX_LINE_BYTES - ROOM_FOR_OUTCOME:
            raise ValueError(f"a receipt of {len(raw)} bytes before its outcome")
        intent = Intent(_id_of(draft), draft=raw)
        try:
            await self._write(intent)
        except (JournalUnavailable, asyncio.CancelledError):
            self._writer.queue.put(Withdrawal(intent.receipt_id))  # it may still get in, and was not sent
            raise

    async def record(self, receipt: JsonObject) -> Recorded:
        """One link of the chain, durable when this returns, and the end of its intent.

        Raises `JournalUnavailable` within `DEADLINE_S`; the receipt of a call with an intent is then still written as
        soon as the disk lets it. Raises `ValueError` for what no receipt can hold. The journal keeps `receipt`.
        """
        recorded = await self._write(Outcome(_id_of(receipt), receipt=receipt))
        assert recorded is not None, "an outcome has a place"
        return recorded

    async def _write(self, entry: Entry) -> Recorded | None:
        self._refuse_if_hopeless(entry)
        loop = asyncio.get_running_loop()
        entry.waiter = loop.create_future()
        deadline = loop.call_later(DEADLINE_S, _expire, entry.waiter)
        self._writer.queue.put(entry)
        try:
            return await entry.waiter
        except (JournalUnavailable, asyncio.CancelledError):
            entry.abandoned = True
            raise
        finally:
            deadline.cancel()

    def _refuse_if_hopeless(self, entry: Entry) -> None:
        if not self._writer.is_alive():
            raise JournalUnavailable("the journal is closed")
        if self._writer.queue.qsize() > MAX_WAITING and entry.receipt_id not in self._writer.memory.open_calls:
            raise JournalUnavailable("too many receipts wait for the disk")

    def ask(self, act: Callable[[Store], T], *, writes: bool = False, timeout_s: float = DEADLINE_S) -> T:
        """Run `act` in the writer's thread and wait: from any thread but a loop's. Raises `JournalUnavailable`.

        What it reads is durable.
        """
        if not self._writer.is_alive():
            raise JournalUnavailable("the journal is closed")
        request: Request[T] = Request(act, writes)
        self._writer.queue.put(request)
        try:
            return request.future.result(timeout_s)
        except FutureTimeoutError:
            raise JournalUnavailable(f"no answer within {timeout_s:g} s") from None

    def on_commit(self, wake: Callable[[], None]) -> None:
        """Have `wake` called, in the writer's thread, after every group; it must not block."""
        self._writer.on_commit = wake

    def on_timing(self, observe: Callable[[float], None]) -> None:
        """Have `observe` called, in the writer's thread, with the seconds that each durable group took."""
        self._writer.on_timing = observe

    def probe(self, timeout_s: float = DEADLINE_S) -> float:
        """Write durably what every group writes, and read; the seconds it took. As `ask` in everything else."""
        began = time.monotonic()
        self.ask(Store.depth, writes=True, timeout_s=timeout_s)
        return time.monotonic() - began

    def committed_s(self) -> float | None:
        """Seconds since the last durable group of this process; from any thread."""
        at = self._writer.committed_at
        return None if at is None else time.monotonic() - at

    def waiting(self) -> int:
        """Writes that wait for the disk; from any thread."""
        return self._writer.queue.qsize()

    def size(self) -> int:
        """Bytes on disk; from any thread."""
        path = self._writer.memory.path
        files = (path, path.with_name(f"{path.name}-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def depth(self) -> int:
        """Receipts not acknowledged yet; from any thread."""
        return self._writer.memory.depth

    def problem(self) -> str:
        """Why nothing can be written now; empty if it can. From any thread."""
        if not self._writer.is_alive():
            return "the journal is closed"
        busy = self._writer.busy_since
        if busy is not None and time.monotonic() - busy > DEADLINE_S:
            return "the disk does not answer"
        return self._writer.broken

    def close(self, timeout_s: float = 5.0) -> None:
        """Write what waits, then let the directory go. What the disk doesn't take stays for the next start."""
        if self._writer.stop(timeout_s):
            self._lock.release()


def _expire(waiter: "asyncio.Future[Recorded | None]") -> None:
    if not waiter.done():
        waiter.set_exception(JournalUnavailable(f"not durable within {DEADLINE_S:g} s"))


def _id_of(receipt: JsonObject) -> str:
    receipt_id = receipt.get("receipt_id")
    if not isinstance(receipt_id, str) or not 0 < len(receipt_id) <= MAX_ID:
        raise ValueError(f"a receipt needs its receipt_id, of at most {MAX_ID} characters")
    return receipt_id
