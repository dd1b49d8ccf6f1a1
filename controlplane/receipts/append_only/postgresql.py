"""The triggers on PostgreSQL, all ENABLE ALWAYS, since playing a replica switches the others off.

Row triggers of a partitioned table are on its partitions by themselves; TRUNCATE triggers must be put on each.
"""

from collections.abc import Sequence

from django.db.backends.utils import CursorWrapper

from controlplane.receipts.append_only.tables import Protected

MAX_NAME = 63
FUNCTION = """
CREATE OR REPLACE FUNCTION receipts_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$
"""
_RELATIONS = """
WITH parent AS (SELECT oid, relname FROM pg_class WHERE oid = ANY (%s::regclass[]::oid[])),
relation AS (
    SELECT oid, relname, relname AS parent FROM parent
    UNION ALL
    SELECT c.oid, c.relname, parent.relname
    FROM parent JOIN pg_inherits ON inhparent = parent.oid JOIN pg_class AS c ON c.oid = inhrelid
)
"""
_MISSING = """
SELECT relation.relname, parent, act
FROM relation CROSS JOIN unnest(ARRAY['update', 'delete', 'truncate']) AS act
WHERE NOT EXISTS (
    SELECT FROM pg_trigger
    WHERE tgrelid = relation.oid AND tgname = left(parent || '_keep_' || act, 63) AND tgenabled = 'A'
        AND tgfoid = to_regproc('receipts_append_only')
)
ORDER BY 1, 3
"""
_PRESENT = """
SELECT relation.relname, tgname FROM relation JOIN pg_trigger ON tgrelid = relation.oid
WHERE NOT tgisinternal AND tgparentid = 0 AND tgname LIKE '%%\\_keep\\_%%'
"""


def install(cursor: CursorWrapper, tables: Sequence[Protected]) -> None:
    """Create what is missing."""
    cursor.execute(FUNCTION)
    for relation, parent, act in _missing(cursor, tables):
        for statement in make(relation if act == "truncate" else parent, _trigger(parent, act), act):
            cursor.execute(statement)


def uninstall(cursor: CursorWrapper, tables: Sequence[Protected]) -> None:
    """Drop all of them."""
    cursor.execute(_RELATIONS + _PRESENT, [[table.name for table in tables]])
    for relation, trigger in cursor.fetchall():
        cursor.execute(f"DROP TRIGGER {trigger} ON {relation}")


def missing(cursor: CursorWrapper, tables: Sequence[Protected]) -> list[tuple[str, str]]:
    """(table or partition, trigger)."""
    return [(relation, _trigger(parent, act)) for relation, parent, act in _missing(cursor, tables)]


def make(relation: str, trigger: str, act: str) -> list[str]:
    """The statements that put a trigger on a table; from a partitioned table row triggers reach its partitions."""
    run = f"FOR EACH {'STATEMENT' if act == 'truncate' else 'ROW'} EXECUTE FUNCTION receipts_append_only()"
    return [
        f"CREATE OR REPLACE TRIGGER {trigger} BEFORE {act} ON {relation} {run}",
        f"ALTER TABLE {relation} ENABLE ALWAYS TRIGGER {trigger}",
    ]


def _missing(cursor: CursorWrapper, tables: Sequence[Protected]) -> list[tuple[str, str, str]]:
    cursor.execute(_RELATIONS + _MISSING, [[table.name for table in tables]])
    return [(relation, parent, act) for relation, parent, act in cursor.fetchall()]


def _trigger(table: str, act: str) -> str:
    return f"{table}_keep_{act}"[:MAX_NAME]
