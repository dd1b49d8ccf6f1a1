"""Shipping: receipts leave the journal in signed batches and stay there until a signed ack names their hash.

At least once on the wire; the other side stores by chain and sequence. Runs in its own thread, because the broker's
client blocks.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from enforcer.contract.documents import SCHEMA, DocumentError, read, signed
from enforcer.contract.envelope import EnvelopeError, PayloadType, unseal
from enforcer.contract.fleet import Ack, Batch, ChainHead
from enforcer.contract.keys import PublicKey, SigningKey
from enforcer.contract.times import to_text
from enforcer.journal.journal import Journal
from enforcer.journal.problems import JournalUnavailable
from enforcer.journal.store import Pending, Store
from enforcer.link.celery_out import SendError
from enforcer.link.outstanding import Outstanding

log = logging.getLogger(__name__)
MOST_RECEIPTS = 200
MOST_BYTES = 256 * 1024
GATHER_S = 0.05
IDLE_S = 1.0
TRIM_S = 10.0
TRIM_MOST = 500
KEEP_ACKED_S = 7 * 86400.0


class Sender(Protocol):
    """Puts an envelope on the wire; raises `SendError`."""

    def __call__(self, envelope: bytes, /) -> None: ...

    def close(self) -> None: ...


class Shipper:
    """Owns the thread. `make_sender` is called in it; `ack_keys` gives the keys that may sign acks, by key id."""

    def __init__(
        self,
        journal: Journal,
        *,
        enforcer_id: str,
        key: SigningKey,
        make_sender: Callable[[], Sender],
        ack_keys: Callable[[], Mapping[str, PublicKey]],
        keep_acked_s: float = KEEP_ACKED_S,
    ) -> None:
        self._journal = journal
        self._enforcer_id = enforcer_id
        self._key = key
        self._make_sender = make_sender
        self._ack_keys = ack_keys
        self._keep_acked_s = keep_acked_s
        self._outstanding = self._nothing_out()
        self._problems: dict[str, str] = {}
        self._ack = b""
        self._ack_done = b""
        self._trim_at = 0.0
        self._quiet_at = time.monotonic()  # when an ack last took effect, or nothing waited for one
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ship", daemon=True)

    @staticmethod
    def _nothing_out() -> Outstanding:
        return Outstanding(jitter=lambda: random.uniform(0.8, 1.2))  # noqa: S311 - spreads load

    def start(self) -> None:
        """Begin to ship."""
        self._journal.on_commit(self._wake.set)
        self._thread.start()

    def acknowledge(self, envelope: bytes) -> None:
        """Hand over what stands under the ack key; never blocks. Anything but a true ack is ignored and reported."""
        if envelope != self._ack_done:
            self._ack = envelope
            self._wake.set()

    def problems(self) -> tuple[str, ...]:
        """What an operator should know now, for the heartbeat."""
        dead = self._thread.ident is not None and not self._thread.is_alive()
        return (*self._problems.copy().values(), *(("shipping has ended",) if dead else ()))

    def unacked_s(self) -> float:
        """For how long receipts have waited without any acknowledgement; from any thread."""
        return time.monotonic() - self._quiet_at

    def broker_problem(self) -> str:
        """Why the broker took nothing the last time; empty if it did, or nothing was sent. From any thread."""
        return self._problems.get("send", "")

    def close(self, timeout_s: float = 5.0) -> None:
        """Send what is there if the broker takes it, and end; what isn't acknowledged the next process sends again."""
        self._stop.set()
        self._wake.set()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        sender = self._make_sender()
        failures = 0
        while not self._stop.is_set():
            failures = 0 if self._turn(sender) else failures + 1
            if failures:
                self._stop.wait(min(0.25 * 2**failures, 10.0) * random.uniform(0.8, 1.2))  # noqa: S311 - spreads load
            else:
                self._wake.wait(self._pause_s())
                self._wake.clear()
                self._stop.wait(GATHER_S)
        if not failures:
            self._turn(sender)
        sender.close()

    def _pause_s(self) -> float:
        return min(IDLE_S, self._outstanding.wait_s(time.monotonic()) or IDLE_S)

    def _turn(self, sender: Sender) -> bool:
        """Acks in, batches out, old receipts away; False if the journal or the broker failed."""
        try:
            self._take_ack()
            if self._outstanding.give_up_if_due(time.monotonic()):
                self._note("ack", "receipts were sent and not acknowledged; sending again")
            pending = self._journal.ask(Store.pending)  # once a turn: what comes meanwhile gathers for the next
            if not pending:
                self._quiet_at = time.monotonic()
            while (chosen := self._outstanding.choose(pending)) is not None:
                self._send(sender, *chosen)
            self._trim()
        except SendError as problem:
            self._note("send", str(problem))
            return False
        except JournalUnavailable as problem:
            self._note("journal", f"receipts can't be read: {problem}")
            return False
        self._problems.pop("send", None)
        self._problems.pop("journal", None)
        return True

    def _send(self, sender: Sender, chain: Pending, after: int) -> None:
        most = min(MOST_RECEIPTS, chain.head - after)
        lines = self._journal.ask(lambda store: store.lines(chain.number, after, most=most, most_bytes=MOST_BYTES))
        if not lines:
            raise JournalUnavailable(f"receipt {after + 1} of chain {chain.chain_id} is gone")
        batch = Batch(
            schema=SCHEMA,
            generation=1,
            issued_at=to_text(self._journal.clock()),
            enforcer_id=self._enforcer_id,
            chain_id=chain.chain_id,
            receipts=tuple(line.decode() for line in lines),
        )
        sender(signed(batch, PayloadType.BATCH, self._key))
        self._outstanding.sent(chain.chain_id, after + len(lines), sum(map(len, lines)), time.monotonic())

    def _take_ack(self) -> None:
        envelope = self._ack
        if not envelope or envelope == self._ack_done:
            return
        try:
            ack = read(unseal(envelope, PayloadType.ACK, self._ack_keys()), Ack)
        except (EnvelopeError, DocumentError) as problem:
            self._note("ack", f"ack ignored: {problem}")
            return
        if ack.enforcer_id != self._enforcer_id:
            self._note("ack", f"ack ignored: it is for {ack.enforcer_id!r}")
            return
        taken, problems, anew = self._journal.ask(lambda store: take_ack(store, ack), writes=True)
        self._ack_done = envelope
        if anew:
            log.warning("the control plane was restored, generation %d: sending again what it lacks", ack.generation)
            self._outstanding = self._nothing_out()
        for head in taken:
            self._outstanding.acked(head.chain_id, head.sequence, time.monotonic())
            self._quiet_at = time.monotonic()
        self._problems.pop("ack", None)
        for text in problems:
            self._note("ack", text)

    def _trim(self) -> None:
        if time.monotonic() < self._trim_at:
            return
        before = to_text(self._journal.clock() - self._keep_acked_s)
        trimmed = self._journal.ask(lambda store: store.trim(before, TRIM_MOST), writes=True)
        self._trim_at = time.monotonic() + (0.0 if trimmed == TRIM_MOST else TRIM_S)

    def _note(self, kind: str, text: str) -> None:
        if self._problems.get(kind) != text:
            log.warning("shipping: %s", text)
        self._problems[kind] = text


def take_ack(store: Store, ack: Ack) -> tuple[list[ChainHead], list[str], bool]:
    """Heads that were marked, what is wrong with others, and whether everything else is to be sent again.

    A generation follows when the control plane was restored from a backup: what an earlier one acknowledged it may have
    lost, and an ack from before it says nothing any more.
    """
    known = store.generation()
    if known is not None and ack.generation < known:
        return [], [f"ack ignored: it is of generation {ack.generation}, and {known} has begun"], False
    anew = known is not None and ack.generation > known
    if anew:
        store.forget_acks()
    if known != ack.generation:
        store.begin_generation(ack.generation)
    return *mark_acked(store, ack.chains), anew


def mark_acked(store: Store, heads: tuple[ChainHead, ...]) -> tuple[list[ChainHead], list[str]]:
    """Mark the heads whose number and hash are the journal's own; returns them, and what is wrong with others.

    A chain unknown here was trimmed or lies in a file that was moved aside.
    """
    taken, problems = [], []
    for head in heads:
        chain = store.chain(head.chain_id)
        if chain is None:
            continue
        known = store.hash_at(head.chain_id, head.sequence)
        if known == head.receipt_hash:
            store.mark_acked(head.chain_id, head.sequence)
            taken.append(head)
        elif known is not None or head.sequence > chain.sequence:
            problems.append(f"ack of chain {head.chain_id} at {head.sequence} names another receipt than the journal")
    return taken, problems
