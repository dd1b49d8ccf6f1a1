"""Triggers that let the database refuse to change or delete receipts (RELIABILITY section 4.7).

SQLite drops triggers silently whenever it rebuilds a table, so they are installed again after every migration.
Whoever holds the database file or its owner's password can still edit it: chains and signed heads show that.
"""

from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

TABLES = ("receipts_receipt", "receipts_receiptindex", "receipts_conflict")


def install(connection: BaseDatabaseWrapper) -> None:
    """Create what is missing; running it twice changes nothing."""
    statements = _sqlite() if connection.vendor == "sqlite" else _postgresql()
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def uninstall(connection: BaseDatabaseWrapper) -> None:
    """For tests that empty the database between them."""
    with connection.cursor() as cursor:
        for table in TABLES:
            for name in ("keep_update", "keep_delete"):
                on = "" if connection.vendor == "sqlite" else f" ON {table}"
                cursor.execute(f"DROP TRIGGER IF EXISTS {table}_{name}{on}")
            if connection.vendor != "sqlite":
                cursor.execute(f"DROP TRIGGER IF EXISTS {table}_keep_truncate ON {table}")


def install_after_migrate(using: str = DEFAULT_DB_ALIAS, **_: Any) -> None:
    """Receiver of `post_migrate`."""
    connection = connections[using]
    if set(TABLES) <= set(connection.introspection.table_names()):
        install(connection)


def _sqlite() -> list[str]:
    # INSERT OR REPLACE deletes without the delete trigger unless recursive_triggers is on: settings switch it on.
    return [
        f"CREATE TRIGGER IF NOT EXISTS {table}_keep_{act.lower()} BEFORE {act} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        for table in TABLES
        for act in ("UPDATE", "DELETE")
    ]


def _postgresql() -> list[str]:
    refuse = "BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END"
    made = [f"CREATE OR REPLACE FUNCTION receipts_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ {refuse} $$"]
    run = "EXECUTE FUNCTION receipts_append_only()"
    for table in TABLES:
        for act, each in (("UPDATE", "ROW"), ("DELETE", "ROW"), ("TRUNCATE", "STATEMENT")):
            name = f"{table}_keep_{act.lower()}"
            made += [
                f"CREATE OR REPLACE TRIGGER {name} BEFORE {act} ON {table} FOR EACH {each} {run}",
                f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}",
            ]
    return made
