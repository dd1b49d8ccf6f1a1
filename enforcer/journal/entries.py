"""What is handed to the writer, and how its fate gets back to who waits."""

import asyncio
import concurrent.futures
import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar

from enforcer.contract.strict_json import JsonObject
from enforcer.journal.problems import JournalUnavailable
from enforcer.journal.store import Recorded, Store
from enforcer.journal.transaction import Transaction

T = TypeVar("T")
Fate: TypeAlias = "Recorded | JournalUnavailable | ValueError | None"  # None: done, and nothing to say of it


@dataclass(slots=True, eq=False)
class Entry:
    """One write of the call path. Nobody waits for it any more once it is `abandoned`."""

    receipt_id: str
    waiter: "asyncio.Future[Recorded | None] | None" = None
    abandoned: bool = False
    fate: Fate = None

    def write(self, tx: Transaction) -> None:
        """Into the transaction; a receipt that can't be placed gets its `ValueError` as fate."""
        raise NotImplementedError

    def after(self, open_calls: dict[str, bytes]) -> None:
        """It is durable: keep the book of open calls."""
        open_calls.pop(self.receipt_id, None)


@dataclass(slots=True, eq=False)
class Intent(Entry):
    """A call that is about to be sent."""

    draft: bytes = b""

    def write(self, tx: Transaction) -> None:
        """Replaces an earlier draft of the same call."""
        try:
            tx.open(self.receipt_id, self.draft)
        except ValueError as problem:
            self.fate = problem

    def after(self, open_calls: dict[str, bytes]) -> None:
        """One more is open."""
        if self.fate is None:
            open_calls[self.receipt_id] = self.draft


@dataclass(slots=True, eq=False)
class Withdrawal(Entry):
    """The call of an intent was refused after all: it was never sent. `must`: the intent may have got in unseen."""

    must: bool = False

    def write(self, tx: Transaction) -> None:
        """Leaves nothing behind."""
        tx.close(self.receipt_id)


@dataclass(slots=True, eq=False)
class Outcome(Entry):
    """A finished receipt; a second one of the same id changes nothing and learns where the first stands."""

    receipt: JsonObject = field(default_factory=dict)

    def write(self, tx: Transaction) -> None:
        """Link and end of the intent together."""
        try:
            self.fate = tx.place(self.receipt_id, self.receipt)
        except ValueError as problem:
            self.fate = problem

    def after(self, open_calls: dict[str, bytes]) -> None:
        """A call whose receipt couldn't be placed stays open."""
        if isinstance(self.fate, Recorded):
            open_calls.pop(self.receipt_id, None)


@dataclass(slots=True, eq=False)
class Request(Generic[T]):
    """Work of the shipper on the store: `act` runs in the writer's thread, in a transaction if it `writes`."""

    act: Callable[[Store], T]
    writes: bool
    future: "concurrent.futures.Future[T]" = field(default_factory=concurrent.futures.Future)
    result: T | None = None

    def run(self, store: Store) -> None:
        """Do it; who waits is told by `done`."""
        self.result = self.act(store)

    def done(self) -> None:
        """Durable, if it wrote."""
        self.future.set_result(self.result)  # type: ignore[arg-type]

    def refuse(self, reason: str) -> None:
        """It wasn't done."""
        self.future.set_exception(JournalUnavailable(reason))


def settle(entries: Iterable[Entry]) -> None:
    """Tell everybody who waits, with one wake-up of each loop."""
    by_loop: defaultdict[asyncio.AbstractEventLoop, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.waiter is not None:
            by_loop[entry.waiter.get_loop()].append(entry)
    for loop, waiting in by_loop.items():
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits there any more
            loop.call_soon_threadsafe(_tell, waiting)


def _tell(entries: list[Entry]) -> None:
    for entry in entries:
        waiter, fate = entry.waiter, entry.fate
        if waiter is None or waiter.done():
            continue
        if isinstance(fate, BaseException):
            waiter.set_exception(fate)
        else:
            waiter.set_result(fate)
