"""Edits of policy and switches run one after the other, as SQLite's transactions do anyway.

An edit works out whom it concerns from rows that another edit may be changing: a person leaves a group while the
group gets a grant, a switch for all servers is raised while a server is added. Were neither to see the other, what
one of them took away would stay in a published document.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

LOCK = 0x64726177_65646974  # any number that no other lock of this database uses


@contextmanager
def editing() -> Iterator[None]:
    """A transaction that begins when every earlier edit has ended, and so sees it; one inside another is part of it."""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        yield
