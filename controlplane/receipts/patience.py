"""How long the receipts' own work waits for the database: a table that somebody locked must not hold it for ever."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

LOCK_S = 5.0
STATEMENT_S = 30.0


@contextmanager
def patience(lock_s: float | None = None, statement_s: float | None = None) -> Iterator[None]:
    """A transaction whose statements end with an `OperationalError` when they wait or take longer.

    Nothing on SQLite, where reading alone should not take the write lock and the settings hold the time to wait.
    """
    if connection.vendor != "postgresql":
        yield
        return
    times = (f"{LOCK_S if lock_s is None else lock_s}s", f"{STATEMENT_S if statement_s is None else statement_s}s")
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('lock_timeout', %s, true), set_config('statement_timeout', %s, true)", times
            )
        yield
