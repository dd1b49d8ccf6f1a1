"""Triggers that let the database refuse to change or delete receipts and history (RELIABILITY section 4.7).

SQLite drops triggers silently whenever it rebuilds a table, so they are installed again after every migration, and
`manage.py check --database default` says where one is missing. Whoever holds the database file or its owner's password
can still edit it: chains and signed heads show that.
"""

from collections.abc import Sequence
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from controlplane.receipts.append_only import postgresql, sqlite
from controlplane.receipts.append_only.tables import Protected, protected

__all__ = ["install", "install_after_migrate", "missing", "protected", "uninstall"]


def install(connection: BaseDatabaseWrapper, tables: Sequence[Protected] | None = None) -> None:
    """Create what is missing; running it twice changes nothing."""
    dialect = sqlite if connection.vendor == "sqlite" else postgresql
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        dialect.install(cursor, _existing(connection, tables))


def uninstall(connection: BaseDatabaseWrapper, tables: Sequence[Protected] | None = None) -> None:
    """For tests that empty the database between them."""
    dialect = sqlite if connection.vendor == "sqlite" else postgresql
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        dialect.uninstall(cursor, _existing(connection, tables))


def missing(connection: BaseDatabaseWrapper, tables: Sequence[Protected] | None = None) -> list[str]:
    """`trigger on table`, for each that is not there, is switched off or is not what it should be."""
    dialect = sqlite if connection.vendor == "sqlite" else postgresql
    with connection.cursor() as cursor:
        found = list(dialect.missing(cursor, _existing(connection, tables)))
    return sorted(f"{trigger} on {table}" for table, trigger in found)


def install_after_migrate(using: str = DEFAULT_DB_ALIAS, **_: Any) -> None:
    """Receiver of `post_migrate`, once a migration."""
    install(connections[using])


def _existing(connection: BaseDatabaseWrapper, tables: Sequence[Protected] | None) -> list[Protected]:
    """A migration to an earlier state leaves some of them out."""
    there = set(connection.introspection.table_names())
    return [table for table in (protected() if tables is None else tables) if table.name in there]
