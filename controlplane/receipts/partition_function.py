"""The function in PostgreSQL that makes the partition of a month.

It runs with its owner's rights, so that who calls it needs none; a small number is all it takes, so that it can be made
to do nothing else. ATTACH lets others go on reading and writing, where `CREATE TABLE … PARTITION OF` waits for all.
Only if rows of the month lie in the default partition already is that taken off for a moment; they move as they are.
"""

from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from controlplane.receipts.append_only.postgresql import make
from controlplane.receipts.partitions import maintain

SIGNATURE = "receipts_make_partition(integer)"
_FUNCTION = """
CREATE OR REPLACE FUNCTION receipts_make_partition(ahead integer) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = SCHEMA, pg_temp AS $$
DECLARE
    parent CONSTANT regclass := 'receipts_receipt';
    month CONSTANT date := date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => ahead);
    low CONSTANT text := to_char(month, 'YYYY-MM-DD"T00:00:00.000Z"');
    high CONSTANT text := to_char(month + interval '1 month', 'YYYY-MM-DD"T00:00:00.000Z"');
    name CONSTANT text := 'receipts_receipt_' || to_char(month, 'YYYY_MM');
    stray boolean;
BEGIN
    IF ahead NOT BETWEEN -1 AND 12 THEN
        RAISE EXCEPTION 'partitions are made for the months from -1 to 12 ahead, not %', ahead;
    END IF;
    IF EXISTS (SELECT FROM pg_inherits WHERE inhparent = parent AND inhrelid = to_regclass(name)) THEN
        RETURN NULL;
    END IF;
    LOCK TABLE receipts_receipt IN SHARE UPDATE EXCLUSIVE MODE;
    IF EXISTS (SELECT FROM pg_inherits WHERE inhparent = parent AND inhrelid = to_regclass(name)) THEN
        RETURN NULL;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE receipts_receipt INCLUDING ALL)', name);
    PROTECT
    SELECT EXISTS (SELECT FROM receipts_receipt_default WHERE event_time >= low AND event_time < high) INTO stray;
    IF stray THEN
        ALTER TABLE receipts_receipt DETACH PARTITION receipts_receipt_default;
        EXECUTE format(
            'WITH moved AS ('
            ' DELETE FROM receipts_receipt_default WHERE event_time >= %L AND event_time < %L RETURNING *'
            ') INSERT INTO %I SELECT * FROM moved', low, high, name);
    END IF;
    EXECUTE format('ALTER TABLE receipts_receipt ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name, low, high);
    IF stray THEN
        ALTER TABLE receipts_receipt ATTACH PARTITION receipts_receipt_default DEFAULT;
    END IF;
    RETURN name;
END $$
"""


def prepare_after_migrate(using: str = DEFAULT_DB_ALIAS, **_: Any) -> None:
    """Receiver of `post_migrate`: the function as this version wants it, and the months that are missing."""
    database = connections[using]
    if database.vendor != "postgresql" or not _partitioned(database):
        return
    with database.cursor() as cursor:
        cursor.execute("SELECT quote_ident(current_schema())")
        (schema,) = cursor.fetchone() or ("",)
        cursor.execute(_FUNCTION.replace("SCHEMA", schema).replace("PROTECT", _protection()))
        cursor.execute(f"REVOKE ALL ON FUNCTION {SIGNATURE} FROM PUBLIC")
    maintain()


def _protection() -> str:
    """The TRUNCATE trigger, which no partition gets by itself."""
    statements = make("%I", "receipts_receipt_keep_truncate", "truncate")
    return "\n    ".join(f"EXECUTE format('{statement}', name);" for statement in statements)


def _partitioned(database: BaseDatabaseWrapper) -> bool:
    with database.cursor() as cursor:
        cursor.execute("SELECT relkind = 'p' FROM pg_class WHERE oid = to_regclass('receipts_receipt')")
        return bool(cursor.fetchone() == (True,))
