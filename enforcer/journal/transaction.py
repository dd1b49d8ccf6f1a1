"""One group commit under way.

It gathers first and writes with a handful of statements: each one gives up the interpreter lock, and getting that back
from a busy event loop costs more than the statement.
"""

from collections.abc import Iterable

from enforcer.contract.strict_json import JsonObject
from enforcer.journal.chain import Chain, Row
from enforcer.journal.store import Recorded, Store


class Transaction:
    """`chain` moves here, and in memory only once this is committed."""

    def __init__(self, store: Store, number: int, chain: Chain, now: str) -> None:
        self.chain = chain
        self._store = store
        self.number = number
        self._now = now
        self._known: dict[str, Recorded] = {}
        self._opened: dict[str, bytes] = {}
        self._closed: set[str] = set()
        self._rows: list[Row] = []

    def begin(self, receipt_ids: Iterable[str]) -> None:
        """Look up which of the receipts that will come stand already."""
        self._store.begin()
        self._known = self._store.recorded(list(receipt_ids))

    def open(self, receipt_id: str, draft: bytes) -> None:
        """An intent. Raises `ValueError` if its receipt stands already: one call, one receipt."""
        if receipt_id in self._known:
            raise ValueError(f"receipt {receipt_id!r} is recorded already")
        self._opened[receipt_id] = draft
        self._closed.discard(receipt_id)

    def close(self, receipt_id: str) -> None:
        """The end of an intent."""
        self._opened.pop(receipt_id, None)
        self._closed.add(receipt_id)

    def place(self, receipt_id: str, receipt: JsonObject) -> Recorded:
        """The next link, or where it stands already; and the end of its intent. Raises `ValueError`."""
        if receipt_id not in self._known:
            self.chain, row = self.chain.place(receipt, self._now)
            self._rows.append(row)
            made = Recorded(receipt_id, self.chain.chain_id, row.sequence, row.receipt_hash, row.line)
            self._known[receipt_id] = made
        self.close(receipt_id)
        return self._known[receipt_id]

    def write(self, commits: int = 0) -> None:
        """Everything gathered; the caller commits. `commits` tells later whether it did."""
        self._store.drop_intents(self._closed)
        self._store.put_intents(self._opened)
        if self._rows:
            self._store.put_receipts(self.number, self._rows)
        self._store.move_head(self.number, self.chain, commits)
