"""`manage.py check --database default`: what the database itself must hold for receipts to be evidence."""

import sys
from collections.abc import Sequence
from typing import Any

from django.core import checks
from django.core.checks import CheckMessage
from django.db import connections

from controlplane.receipts.append_only import missing


def triggers_exist(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """`migrate` is not stopped by it: it brings them back, also after one that was interrupted."""
    if sys.argv[1:2] == ["migrate"]:
        return []
    return [
        checks.Error(
            f"A trigger that keeps rows from being changed is not in the database: {trigger}.",
            hint="Find out who removed it; `manage.py migrate` creates it again.",
            id="receipts.E001",
        )
        for alias in databases or ()
        for trigger in missing(connections[alias])
    ]


def role_can_not_change_receipts(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """The program's role should hold no right that the triggers would have to stop."""
    return [
        checks.Warning(
            "The role that the control plane signs in with may change receipts or their table.",
            hint="See docs/how-to/postgresql.md: `manage.py database_roles` prints a role that can't.",
            id="receipts.W001",
        )
        for alias in databases or ()
        if connections[alias].vendor == "postgresql" and _may_change(alias)
    ]


def _may_change(alias: str) -> bool:
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT has_table_privilege(to_regclass('receipts_receipt'), 'UPDATE, DELETE, TRUNCATE')")
        return (cursor.fetchone() or (False,)) == (True,)
