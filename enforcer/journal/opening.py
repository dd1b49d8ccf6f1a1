"""From a directory to a journal that can be written: checked, recovered, with a chain of this process.

The first opening of a process closes every call that an earlier one left open and starts a new chain; a later one,
after a failed write, goes on with the same chain. A damaged file is moved aside and the loss declared by the first link
of a new chain.
"""

import logging
import sqlite3
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
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


@dataclass(frozen=True, slots=True)
class Gap:
    """A file that couldn't be trusted, until a receipt says so."""

    reason: str
    moved_to: str


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
    commits: int = 0
    open_calls: dict[str, bytes] = field(default_factory=dict)
    depth: int = 0
    gap: Gap | None = None


def open_store(memory: Memory) -> Store:
    """An open store; `memory.chain` is where it goes on. Raises `sqlite3.Error` or `OSError` if it can't be now."""
    try:
        if memory.gap is None and memory.expect_file and _is_missing(memory.path):
            raise DamagedError("the file is missing")
        store = _with_store(memory, lambda store: _begin(store, memory))
    except DamagedError as problem:
        bad = database.move_aside(memory.path)
        memory.gap = memory.gap or Gap(str(problem), bad.name)
        log.critical("the journal is damaged: %s; what there is of it is %s, a new chain declares it", problem, bad)
        store = _with_store(memory, lambda store: _begin(store, memory))
    memory.expect_file = True
    return store


def _is_missing(path: Path) -> bool:
    return not path.exists() or path.stat().st_size == 0


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
    if memory.gap is not None:
        _start_after_damage(store, memory, memory.gap)
        memory.gap = None
    elif memory.chain is None:
        _start(store, memory)
    else:
        found = store.chain(memory.chain.chain_id)
        if found is None or not _goes_on(store, memory.chain, found):
            raise DamagedError("it is older than what this process wrote")
        memory.commits = store.commits(found.chain_id)
        memory.chain = replace(found, genesis=memory.chain.genesis)


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
    _start_chain(store, memory, store.last_chain(), [interrupted(*draft, now) for draft in drafts])
    if drafts:
        log.warning("%d calls were interrupted: each has a receipt that says so", len(drafts))


def _start_after_damage(store: Store, memory: Memory, lost: Gap) -> None:
    """A new chain in a new file; calls still open in this process stay open."""
    _start_chain(store, memory, memory.chain, [gap(memory.enforcer_id, lost, memory.clock())])


def _start_chain(store: Store, memory: Memory, previous: Chain | None, receipts: list[JsonObject]) -> None:
    chain = successor(_new_id(), memory.boot_nonce, previous)
    tx = Transaction(store, 0, chain, to_text(memory.clock()))
    tx.begin([str(receipt["receipt_id"]) for receipt in receipts])
    store.forget_empty_chains()
    tx.number = store.add_chain(chain)
    for receipt in receipts:
        tx.place(str(receipt["receipt_id"]), receipt)
    for receipt_id, draft in memory.open_calls.items():
        tx.open(receipt_id, draft)
    tx.write()
    store.commit()
    memory.chain, memory.number, memory.commits = tx.chain, tx.number, 0


def interrupted(receipt_id: str, draft: JsonObject, now: float) -> JsonObject:
    """The receipt of a call whose process died: what it was keeps, what came of it is unknown."""
    receipt = {key: value for key, value in draft.items() if key != DISPATCH}
    observed = receipt.get("observed_at")
    detail = "interrupted: not sent" if draft.get(DISPATCH) == "no" else "interrupted: effect unknown"
    receipt["receipt_id"] = receipt_id
    receipt["observed_at"] = max(to_text(now), observed if isinstance(observed, str) else "")
    receipt["outcome"] = {"status": "error", "detail": detail}
    return receipt


def gap(enforcer_id: str, lost: Gap, now: float) -> JsonObject:
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
        "gap": {"reason": lost.reason, "moved_to": lost.moved_to},
    }


def _new_id() -> str:
    return str(uuid.uuid4())
