"""A disk that fails on command, between the journal and the real one."""

import sqlite3
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal
from unittest.mock import patch

from enforcer.journal import database
from enforcer.journal.store import Store

Fault = Literal["before", "after"]  # the commit didn't happen, or it did and nobody said so


class Disk:
    """The next commits meet `faults`, one each. While `away`, no file opens; `leave` makes it so from a fault on."""

    def __init__(self) -> None:
        self.faults: deque[Fault | None] = deque()
        self.away = False
        self.leave = False
        self.failed = 0

    @contextmanager
    def installed(self) -> Iterator["Disk"]:
        """Every journal of this process runs on it."""
        commit, connect = Store.commit, database.connect

        def failing_commit(store: Store) -> None:
            fault = self.faults.popleft() if self.faults else None
            if fault != "before":
                commit(store)
            if fault is not None:
                self.failed += 1
                self.away |= self.leave
                raise sqlite3.OperationalError("disk I/O error")

        def failing_connect(path: Path) -> sqlite3.Connection:
            if self.away:
                raise sqlite3.OperationalError("unable to open database file")
            return connect(path)

        with patch.object(Store, "commit", failing_commit), patch.object(database, "connect", failing_connect):
            yield self
