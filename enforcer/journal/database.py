"""Opening the journal's SQLite file, and deciding whether it can be trusted.

WAL and `synchronous=FULL`: a commit that returned is on the disk. A file that is damaged is never repaired in place.
"""

import os
import sqlite3
from pathlib import Path

from enforcer.durable import sync_directory
from enforcer.journal.chain import is_whole
from enforcer.journal.problems import DamagedError

NAME = "journal.sqlite3"
FORMAT = 1
SMALL = 64 * 1024 * 1024  # bytes; larger files are checked by the hashes of their unshipped rows alone
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)  # ERROR: a table or column is missing
_SCHEMA = """
CREATE TABLE chain (
    number INTEGER PRIMARY KEY, chain_id TEXT NOT NULL UNIQUE, head_sequence INTEGER NOT NULL,
    head_hash TEXT NOT NULL, recorded_at TEXT NOT NULL, acked_sequence INTEGER NOT NULL DEFAULT 0,
    commits INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE receipt (
    id INTEGER PRIMARY KEY, chain INTEGER NOT NULL, sequence INTEGER NOT NULL, receipt_id TEXT NOT NULL UNIQUE,
    receipt_hash TEXT NOT NULL, recorded_at TEXT NOT NULL, line BLOB NOT NULL, UNIQUE (chain, sequence)
);
CREATE TABLE open_call (receipt_id TEXT PRIMARY KEY, draft BLOB NOT NULL) WITHOUT ROWID;
"""
# Of the newest ack that counted; an older version of this program neither needs nor minds it.
_GENERATION = "CREATE TABLE IF NOT EXISTS generation (acked INTEGER NOT NULL)"


def connect(path: Path) -> sqlite3.Connection:
    """An open journal file, made if absent. Raises `DamagedError`, `sqlite3.Error`, `OSError`."""
    _create(path)
    connection = sqlite3.connect(path, timeout=1.0, isolation_level=None, check_same_thread=False)
    connection.text_factory = _lenient
    try:
        _prepare(connection)
        _check(connection, path.stat().st_size)
    except UnicodeDecodeError:  # SQLite quotes a damaged schema in its message
        connection.close()
        raise DamagedError("its schema is unreadable") from None
    except (sqlite3.Error, DamagedError) as problem:
        connection.close()
        if isinstance(problem, sqlite3.Error) and is_damage(problem):
            raise DamagedError(str(problem)) from None
        raise
    return connection


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is wrong, rather than the disk full or away."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE


def move_aside(path: Path) -> Path:
    """Rename a damaged file and what SQLite keeps beside it to the first free `….bad-<n>`; returns that name."""
    number = 1
    while (bad := path.with_name(f"{path.name}.bad-{number}")).exists():
        number += 1
    for suffix in ("-wal", "-shm", ""):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(bad.with_name(bad.name + suffix))
    sync_directory(path.parent)
    return bad


def _create(path: Path) -> None:
    """SQLite gives its side files the mode of the main one, and doesn't sync the directory for that one."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    os.close(descriptor)
    sync_directory(path.parent)


def _prepare(connection: sqlite3.Connection) -> None:
    (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
    if mode != "wal":
        raise sqlite3.OperationalError(f"journal_mode is {mode!r}, not wal")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA journal_size_limit=67108864")
    connection.execute("PRAGMA cell_size_check=ON")
    connection.execute("PRAGMA trusted_schema=OFF")
    # What an earlier process or connection left in the log is written to the main file and synced there, as fresh
    # pages: after a failed sync, the log's own pages count as clean without being on the disk (RELIABILITY C24).
    busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise sqlite3.OperationalError("another process holds the journal")
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found == 0:
        connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version={FORMAT}; COMMIT;")
    elif found != FORMAT:
        raise DamagedError(f"its format is {found}; this version knows {FORMAT}")
    connection.execute(_GENERATION)


def _check(connection: sqlite3.Connection, size: int) -> None:
    if size <= SMALL:
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise DamagedError(f"integrity check: {verdict}")
    chains = connection.execute("SELECT number, chain_id, head_sequence, head_hash, acked_sequence FROM chain")
    for number, chain_id, sequence, head, acked in chains.fetchall():
        if not isinstance(sequence, int) or not isinstance(acked, int):
            raise DamagedError(f"the row of chain {chain_id!r} is unreadable")
        if sequence > acked:
            _check_tail(connection, (number, chain_id, sequence, head, acked))


def _check_tail(connection: sqlite3.Connection, chain: tuple[int, str, int, str, int]) -> None:
    number, chain_id, last, head, acked = chain
    expected, parent = acked + 1, None
    rows = connection.execute(
        "SELECT sequence, CAST(receipt_hash AS TEXT), CAST(line AS BLOB) FROM receipt"
        " WHERE chain=? AND sequence>? ORDER BY sequence",
        (number, acked),
    )
    for sequence, receipt_hash, line in rows:
        if sequence != expected or not is_whole(line, receipt_hash, parent):
            raise DamagedError(f"receipt {expected} of chain {chain_id!r} is missing or changed")
        expected, parent = sequence + 1, receipt_hash
    if (expected - 1, parent) != (last, head):
        raise DamagedError(f"chain {chain_id!r} ends at {expected - 1}, not at its head {last}")


def _lenient(raw: bytes) -> str:
    """A damaged text is found by its hash, not by an error that says nothing of damage."""
    return raw.decode("utf-8", "replace")
