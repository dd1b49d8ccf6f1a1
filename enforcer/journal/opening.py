"""From a directory to a journal that can be written: checked, recovered, with a chain of this process.

The first opening of a process closes every call that an earlier one left open and starts a new chain; a later one,
after a failed write, goes on with the same chain. A damaged file is moved aside and the loss declared by the first link
of a new chain.
"""

import logging
import sqlite3
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from enforcer.contract.receipt import CSP_PROFILE, CSP_VERSION, ReceiptType
from enforcer.contract.strict_json import JsonObject
from enforcer.contract.times import to_text
from enforcer.journal import database
from enforcer.journal.chain import Chain, successor
from enforcer.journal.problems import DamagedError
from enforcer.journal.store import Store
from enforcer.journal.transaction import Transaction

log = logging.getLogger(__name__)
DISPATCH = "_dispatch"  # private key of a draft; "no": nothing was sent yet


@dataclass(slots=True)
class Memory:
    """What outlives one opening of the file."""

    path: Path
    enforcer_id: str
    boot_nonce: str
    clock: Callable[[], float]
    expect_file: bool
    chain: Chain | None = None
    number: int = 0
    open_calls: dict[str, bytes] = field(default_factory=dict)
    depth: int = 0


def open_store(memory: Memory) -> Store:
    """An open store; `memory.chain` is where it goes on. Raises `sqlite3.Error` or `OSError` if it can't be now."""
    try:
        return _open(memory)
    except DamagedError as problem:
        reason = str(problem)
    bad = database.move_aside(memory.path)
    log.critical("the journal is damaged (%s): moved to %s, a new chain declares the gap", reason, bad)
    return _with_store(memory, lambda store: _start_after_damage(store, memory, reason, bad.name))


def _open(memory: Memory) -> Store:
    if memory.expect_file and not memory.path.exists():
        raise DamagedError("the file is missing")
    memory.expect_file = True
    return _with_store(memory, lambda store: _begin(store, memory))


def _with_store(memory: Memory, act: Callable[[Store], None]) -> Store:
    store = Store(database.connect(memory.path))
    try:
        act(store)
        memory.depth = store.depth()
    except (sqlite3.Error, DamagedError) as problem:
        store.close()
        if isinstance(problem, sqlite3.Error) and database.is_damage(problem):
            raise DamagedError(str(problem)) from None
        raise
    return store


def _begin(store: Store, memory: Memory) -> None:
    if memory.chain is None:
        _start(store, memory)
        return
    found = store.chain(memory.chain.chain_id)
    if found is None or not _goes_on(store, memory.chain, found):
        raise DamagedError("it is older than what this process wrote")
    memory.chain = found


def _goes_on(store: Store, known: Chain, found: Chain) -> bool:
    if found.sequence == known.sequence:
        return found.head == known.head
    return found.sequence > known.sequence and (
        known.sequence == 0 or store.hash_at(known.chain_id, known.sequence) == known.head
    )


def _start(store: Store, memory: Memory) -> None:
    """A new chain, its first links the calls that an earlier process left open."""
    now = memory.clock()
    drafts = store.drafts()
    store.begin()
    chain = successor(_new_id(), memory.boot_nonce, store.last_chain())
    _write(store, memory, chain, [interrupted(receipt_id, draft, now) for receipt_id, draft in drafts])
    if drafts:
        log.warning("%d calls were interrupted: each has a receipt that says so", len(drafts))


def _start_after_damage(store: Store, memory: Memory, reason: str, bad_name: str) -> None:
    """A new chain in a new file; calls still open in this process stay open."""
    store.begin()
    store.put_intents(memory.open_calls)
    chain = successor(_new_id(), memory.boot_nonce, memory.chain)
    _write(store, memory, chain, [gap(memory.enforcer_id, reason, bad_name, memory.clock())])


def _write(store: Store, memory: Memory, chain: Chain, receipts: list[JsonObject]) -> None:
    number = store.add_chain(chain)
    tx = Transaction(store, number, chain, to_text(memory.clock()))
    for receipt in receipts:
        tx.place(str(receipt["receipt_id"]), receipt)
    tx.write()
    store.commit()
    memory.chain, memory.number = tx.chain, number


def interrupted(receipt_id: str, draft: JsonObject, now: float) -> JsonObject:
    """The receipt of a call whose process died: what it was keeps, what came of it is unknown."""
    receipt = {key: value for key, value in draft.items() if key != DISPATCH}
    observed = receipt.get("observed_at")
    detail = "interrupted: not sent" if draft.get(DISPATCH) == "no" else "interrupted: effect unknown"
    receipt["receipt_id"] = receipt_id
    receipt["observed_at"] = max(to_text(now), observed if isinstance(observed, str) else "")
    receipt["outcome"] = {"status": "error", "detail": detail}
    return receipt


def gap(enforcer_id: str, reason: str, bad_name: str, now: float) -> JsonObject:
    """The receipt that declares an unknown number of others lost."""
    at = to_text(now)
    return {
        "receipt_id": _new_id(),
        "receipt_type": ReceiptType.GAP,
        "csp_profile": CSP_PROFILE,
        "csp_version": CSP_VERSION,
        "ts": at,
        "event_time": at,
        "valid_time": {"start": at},
        "observed_at": at,
        "trace_id": uuid.uuid4().hex,
        "enforcer_id": enforcer_id,
        "principal": {"sub": enforcer_id, "issuer": "drawbridge", "actor_type": "system"},
        "gap": {"reason": reason, "moved_to": bad_name},
    }


def _new_id() -> str:
    return str(uuid.uuid4())
