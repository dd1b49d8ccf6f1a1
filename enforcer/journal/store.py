"""Every SQL statement on an open journal. One thread at a time; the caller holds the transaction."""

import itertools
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from enforcer.contract import strict_json
from enforcer.contract.strict_json import JsonObject
from enforcer.journal.chain import Chain, Row
from enforcer.journal.problems import DamagedError

MOST_ROWS = 256
_CHAIN = "chain_id, head_sequence, head_hash, recorded_at"


@dataclass(frozen=True, slots=True)
class Recorded:
    """A receipt's place in its chain."""

    receipt_id: str
    chain_id: str
    sequence: int
    receipt_hash: str
    line: bytes = field(repr=False)  # as it is stored and shipped


@dataclass(frozen=True, slots=True)
class Pending:
    """A chain that isn't acknowledged to its end."""

    number: int
    chain_id: str
    acked: int
    head: int


class Store:
    """The tables of one journal file."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._sql = connection

    def begin(self) -> None:
        """Start to write."""
        self._sql.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Durable once it returns."""
        self._sql.execute("COMMIT")

    def close(self) -> None:
        """Give up the file; what isn't committed is gone."""
        self._sql.close()

    def put_intents(self, drafts: Mapping[str, bytes]) -> None:
        """By receipt id; a later draft replaces an earlier one."""
        self._insert("INSERT OR REPLACE INTO open_call VALUES", 2, list(drafts.items()))

    def drop_intents(self, receipt_ids: Collection[str]) -> None:
        """Those that are open."""
        if receipt_ids:
            among = orjson.dumps(list(receipt_ids)).decode()
            self._sql.execute("DELETE FROM open_call WHERE receipt_id IN (SELECT value FROM json_each(?))", (among,))

    def drafts(self) -> list[tuple[str, JsonObject]]:
        """Open calls in the order of their ids; raises `DamagedError`."""
        rows = self._sql.execute("SELECT receipt_id, CAST(draft AS BLOB) FROM open_call ORDER BY receipt_id").fetchall()
        try:
            drafts = [(receipt_id, strict_json.parse_object(draft)) for receipt_id, draft in rows]
        except strict_json.StrictJsonError as problem:
            raise DamagedError(f"an open call is unreadable: {problem}") from None
        if any(draft.get("receipt_id") != receipt_id for receipt_id, draft in drafts):
            raise DamagedError("an open call stands under another id")
        return drafts

    def put_receipts(self, number: int, rows: Iterable[Row]) -> None:
        """Append links, without moving the chain's head."""
        into = "INSERT INTO receipt (chain, sequence, receipt_id, receipt_hash, recorded_at, line) VALUES"
        self._insert(into, 6, [(number, r.sequence, r.receipt_id, r.receipt_hash, r.recorded_at, r.line) for r in rows])

    def _insert(self, into: str, columns: int, rows: Sequence[tuple[object, ...]]) -> None:
        """Many rows a statement; in powers of two, so that few texts of it are compiled."""
        one, start = "(" + ",".join("?" * columns) + ")", 0
        while start < len(rows):
            many = min(MOST_ROWS, 1 << ((len(rows) - start).bit_length() - 1))
            values = itertools.chain.from_iterable(rows[start : start + many])
            self._sql.execute(into + ",".join([one] * many), tuple(values))
            start += many

    def recorded(self, receipt_ids: list[str]) -> dict[str, Recorded]:
        """Where receipts stand, by their ids, of those that do."""
        if not receipt_ids:
            return {}
        found = self._sql.execute(
            "SELECT receipt_id, chain_id, sequence, receipt_hash, CAST(line AS BLOB)"
            " FROM receipt JOIN chain ON number=chain WHERE receipt_id IN (SELECT value FROM json_each(?))",
            (orjson.dumps(receipt_ids).decode(),),
        )
        return {row[0]: Recorded(*row) for row in found.fetchall()}

    def add_chain(self, chain: Chain) -> int:
        """Returns its number: chains of one journal are numbered in their order."""
        made = self._sql.execute(
            f"INSERT INTO chain ({_CHAIN}) VALUES (?,?,?,?)",  # noqa: S608 - our own column names
            (chain.chain_id, chain.sequence, chain.head, chain.recorded_at),
        )
        assert made.lastrowid is not None
        return made.lastrowid

    def move_head(self, number: int, chain: Chain, commits: int) -> None:
        """To the last link written, in the so-many-th commit of this chain."""
        self._sql.execute(
            "UPDATE chain SET head_sequence=?, head_hash=?, recorded_at=?, commits=? WHERE number=?",
            (chain.sequence, chain.head, chain.recorded_at, commits, number),
        )

    def commits(self, chain_id: str) -> int:
        """How many there were; 0 for a chain that isn't here."""
        found = self._sql.execute("SELECT commits FROM chain WHERE chain_id=?", (chain_id,)).fetchone()
        return int(found[0]) if found else 0

    def chain(self, chain_id: str) -> Chain | None:
        """As last committed, without its genesis."""
        return _chain(self._sql.execute(f"SELECT {_CHAIN} FROM chain WHERE chain_id=?", (chain_id,)).fetchone())  # noqa: S608

    def last_chain(self) -> Chain | None:
        """The newest one that has a receipt."""
        last = f"SELECT {_CHAIN} FROM chain WHERE head_sequence>0 ORDER BY number DESC LIMIT 1"  # noqa: S608
        return _chain(self._sql.execute(last).fetchone())

    def forget_empty_chains(self) -> None:
        """Starts without a receipt."""
        self._sql.execute("DELETE FROM chain WHERE head_sequence=0")

    def hash_at(self, chain_id: str, sequence: int) -> str | None:
        """The hash of one link."""
        found = self._sql.execute(
            "SELECT receipt_hash FROM receipt JOIN chain ON number=chain WHERE chain_id=? AND sequence=?",
            (chain_id, sequence),
        ).fetchone()
        return str(found[0]) if found else None

    def pending(self) -> list[Pending]:
        """Chains with receipts to ship, oldest first."""
        rows = self._sql.execute(
            "SELECT number, chain_id, acked_sequence, head_sequence FROM chain"
            " WHERE head_sequence>acked_sequence ORDER BY number"
        )
        return [Pending(*row) for row in rows]

    def lines(self, number: int, after: int, *, most: int, most_bytes: int) -> list[bytes]:
        """The next lines of a chain, as many as fit, at least one if there is one."""
        made: list[bytes] = []
        rows = self._sql.execute(
            "SELECT line FROM receipt WHERE chain=? AND sequence>? ORDER BY sequence LIMIT ?", (number, after, most)
        )
        for (line,) in rows:
            most_bytes -= len(line)
            if made and most_bytes < 0:
                break
            made.append(line)
        rows.close()
        return made

    def mark_acked(self, chain_id: str, sequence: int) -> None:
        """Never moves back."""
        self._sql.execute(
            "UPDATE chain SET acked_sequence=max(acked_sequence, ?) WHERE chain_id=?", (sequence, chain_id)
        )

    def generation(self) -> int | None:
        """That of the acks that count; none before the first."""
        found = self._sql.execute("SELECT acked FROM generation").fetchone()
        return int(found[0]) if found else None

    def begin_generation(self, generation: int) -> None:
        """Acks of this one count from now on."""
        self._sql.execute("DELETE FROM generation")
        self._sql.execute("INSERT INTO generation VALUES (?)", (generation,))

    def forget_acks(self) -> None:
        """Everything that is still here waits for an acknowledgement again."""
        self._sql.execute(
            "UPDATE chain SET acked_sequence=coalesce("
            "(SELECT min(sequence)-1 FROM receipt WHERE chain=number), head_sequence)"
        )

    def trim(self, before: str, most: int) -> int:
        """Delete of the `most` oldest receipts those acknowledged and recorded before then; returns how many."""
        deleted = self._sql.execute(
            "DELETE FROM receipt WHERE id IN (SELECT id FROM receipt ORDER BY id LIMIT ?) AND recorded_at<?"
            " AND sequence<=(SELECT acked_sequence FROM chain WHERE number=receipt.chain)",
            (most, before),
        )
        return deleted.rowcount

    def depth(self) -> int:
        """Receipts that wait for an acknowledgement."""
        (depth,) = self._sql.execute("SELECT coalesce(sum(head_sequence-acked_sequence), 0) FROM chain").fetchone()
        return int(depth)


def _chain(row: tuple[str, int, str, str] | None) -> Chain | None:
    return Chain(row[0], {}, *row[1:]) if row else None
