"""The triggers on SQLite. `INSERT OR REPLACE` fires the delete trigger only where recursive_triggers is on, as in our
settings; the insert trigger stops it anywhere. Writing the same row again is no change and no error.
"""

from collections.abc import Iterable, Iterator, Sequence

from django.db.backends.utils import CursorWrapper

from controlplane.receipts.append_only.tables import Protected


def install(cursor: CursorWrapper, tables: Sequence[Protected]) -> None:
    """Write those anew that are missing or differ from what is wanted."""
    wanted = _wanted(tables)
    for _, trigger in missing(cursor, tables):
        cursor.execute(f"DROP TRIGGER IF EXISTS {trigger}")
        cursor.execute(wanted[trigger][1])


def uninstall(cursor: CursorWrapper, tables: Sequence[Protected]) -> None:
    """Drop all of them."""
    for trigger in _wanted(tables):
        cursor.execute(f"DROP TRIGGER IF EXISTS {trigger}")


def missing(cursor: CursorWrapper, tables: Sequence[Protected]) -> Iterator[tuple[str, str]]:
    """(table, trigger)."""
    cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    there = dict(cursor.fetchall())
    for trigger, (table, statement) in _wanted(tables).items():
        if there.get(trigger) != statement:
            yield table, trigger


def _wanted(tables: Iterable[Protected]) -> dict[str, tuple[str, str]]:
    """By trigger: its table and the statement that creates it."""
    return {
        f"{table.name}_keep_{act.lower()}": (
            table.name,
            f"CREATE TRIGGER {table.name}_keep_{act.lower()} BEFORE {act} ON {table.name} {body}",
        )
        for table in tables
        for act, body in (("UPDATE", _refuse(table)), ("DELETE", _refuse(table)), ("INSERT", _refuse_another(table)))
    }


def _refuse(table: Protected) -> str:
    return f"BEGIN SELECT RAISE(ABORT, '{table.name} is append-only'); END"


def _refuse_another(table: Protected) -> str:
    taken = " OR ".join(f"({_equal(columns, '=')})" for columns in table.unique)
    same = _equal(table.content, "IS")
    refuse = f"RAISE(ABORT, '{table.name} is append-only: another row has this place')"
    return (
        f"WHEN {_exists(table, taken)} "
        f"BEGIN SELECT CASE WHEN {_exists(table, same)} THEN RAISE(IGNORE) ELSE {refuse} END; END"
    )


def _exists(table: Protected, condition: str) -> str:
    return f"EXISTS (SELECT 1 FROM {table.name} WHERE {condition})"  # noqa: S608 - names of our own tables and columns


def _equal(columns: Sequence[str], operator: str) -> str:
    return " AND ".join(f'"{column}" {operator} NEW."{column}"' for column in columns)  # a grant has a "constraint"
