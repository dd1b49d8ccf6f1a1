"""The one thread that touches the journal's file: group commit, one sync for all that wait.

After a failed commit the connection is never used again. A fresh one tells what did get in; the rest is refused, and
the outcomes of calls that were sent stay owed until they are written.
"""

import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Any, TypeAlias

from enforcer.contract.times import to_text
from enforcer.journal.entries import Entry, Intent, Outcome, Request, Withdrawal, settle
from enforcer.journal.opening import Memory, open_store
from enforcer.journal.problems import DamagedError, JournalUnavailable
from enforcer.journal.store import Store
from enforcer.journal.transaction import Transaction

log = logging.getLogger(__name__)
GROUP = 1000
RETRY_S = 0.2
Work: TypeAlias = "Entry | Request[Any]"
FAILURES = (sqlite3.Error, OSError, DamagedError)


class Writer:
    """Owns the store. Its public attributes may be read from other threads, a moment late; times are monotonic."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.queue: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self.on_commit: Callable[[], None] | None = None
        self.on_timing: Callable[[float], None] = lambda _seconds: None
        self.broken = ""
        self.busy_since: float | None = None
        self.committed_at: float | None = None
        self._store: Store | None = None
        self._owed: list[Entry] = []
        self._attempted = False
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)

    def start(self) -> None:
        """Open the file and begin to write. One that can't be opened now is tried again."""
        self._try_ready()
        self._thread.start()

    def stop(self, timeout_s: float) -> bool:
        """Write what is queued and end; False if the disk doesn't let it."""
        self.queue.put(None)
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def is_alive(self) -> bool:
        """Whether anything handed over will be looked at."""
        return self._thread.is_alive()

    def _run(self) -> None:
        going = True
        while going:
            group, going = self._next_group()
            self.busy_since = time.monotonic()
            self._serve(group)
            self.busy_since = None
        self._close()

    def _next_group(self) -> tuple[list[Work], bool]:
        group: list[Work] = []
        try:
            work = self.queue.get(timeout=RETRY_S if self._owed or self.broken else None)
            while work is not None:
                group.append(work)
                if len(group) >= GROUP:
                    return group, True
                work = self.queue.get_nowait()
        except queue.Empty:
            return group, True
        return group, False

    def _serve(self, group: list[Work]) -> None:
        """Writes first, so that what is read afterwards is durable."""
        entries = self._owed + [work for work in group if isinstance(work, Entry)]
        entries = [entry for entry in entries if not self._pointless(entry)]
        requests = [work for work in group if isinstance(work, Request)]
        writes = [request for request in requests if request.writes]
        self._owed = []
        if entries or writes:
            self._write(entries, writes)
        elif self.broken:
            self._try_ready()
        for request in requests:
            if not request.writes:
                self._read(request)

    def _pointless(self, entry: Entry) -> bool:
        """Nobody waits, and no call that was sent depends on it."""
        return entry.abandoned and (isinstance(entry, Intent) or entry.receipt_id not in self.memory.open_calls)

    def _write(self, entries: list[Entry], requests: list[Request[Any]]) -> None:
        try:
            self._commit(entries, requests)
        except FAILURES as error:
            self._recover(error, entries)
            for request in requests:
                request.refuse(str(error))
        else:
            for request in requests:
                request.done()
        settle(entries)
        if entries and self.on_commit is not None:
            self.on_commit()

    def _commit(self, entries: list[Entry], requests: list[Request[Any]]) -> None:
        began = time.monotonic()
        self._attempted = False
        store, memory = self._ready(), self.memory
        assert memory.chain is not None, "an open store has a chain"
        tx = Transaction(store, memory.number, memory.chain, to_text(memory.clock()))
        tx.begin(entry.receipt_id for entry in entries)
        for entry in entries:
            entry.write(tx)
        tx.write(memory.commits + 1)
        for request in requests:
            request.run(store)
        depth = store.depth()
        self._attempted = True
        store.commit()
        memory.chain, memory.depth, memory.commits = tx.chain, depth, memory.commits + 1
        self._remember(entries)
        self.committed_at = time.monotonic()
        self.on_timing(self.committed_at - began)

    def _remember(self, entries: list[Entry]) -> None:
        for entry in entries:
            entry.after(self.memory.open_calls)

    def _recover(self, error: Exception, entries: list[Entry]) -> None:
        """Close, open afresh, see whether the group got in, which it did whole or not at all; else refuse it."""
        attempt = (self.memory.number, self.memory.commits + 1)
        self._drop(error)
        self._try_ready()
        if self._store is not None and (self.memory.number, self.memory.commits) == attempt:
            self._remember(entries)
            return
        unavailable = JournalUnavailable(str(error))
        for entry in entries:
            entry.fate = unavailable
        self._owed = [owed for entry in entries if (owed := self._owed_for(entry)) is not None]

    def _owed_for(self, refused: Entry) -> Entry | None:
        """The outcome of a call that was sent; the end of an intent that may have got in though it was refused."""
        is_open = refused.receipt_id in self.memory.open_calls
        if isinstance(refused, Intent):
            return Withdrawal(refused.receipt_id, must=True) if self._attempted else None
        if isinstance(refused, Outcome):
            return Outcome(refused.receipt_id, receipt=refused.receipt) if is_open else None
        return refused if is_open or (isinstance(refused, Withdrawal) and refused.must) else None

    def _read(self, request: Request[Any]) -> None:
        try:
            request.run(self._ready())
        except FAILURES as error:
            self._drop(error)
            request.refuse(str(error))
        else:
            request.done()

    def _ready(self) -> Store:
        if self._store is None:
            self._store = open_store(self.memory)
            if self.broken:
                log.warning("the journal can be written again")
            self.broken = ""
        return self._store

    def _try_ready(self) -> None:
        try:
            self._ready()
        except FAILURES as error:
            self._drop(error)

    def _drop(self, error: Exception) -> None:
        if not self.broken:
            log.error("the journal can't be written: %s", error)
        self.broken = str(error) or type(error).__name__
        self._close()

    def _close(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None
