"""Other sessions on the tests' PostgreSQL, and whole databases on it."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from django.db import connection, connections

ROOT = Path(__file__).parents[3]
Session = psycopg.Connection[tuple[Any, ...]]


def url(database: str, role: str | None = None) -> str:
    """Of a database on the server of DATABASE_URL, where no role needs a password."""
    parts = urlsplit(os.environ["DATABASE_URL"])
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(path=f"/{database}", netloc=f"{role}:@{host}" if role else parts.netloc).geturl()


@contextmanager
def session(database: str = "", role: str | None = None) -> Iterator[Session]:
    """One that commits each statement; in the database that the test itself uses unless another is named."""
    name = database or str(connection.settings_dict["NAME"])
    with psycopg.connect(url(name, role), autocommit=True) as opened:
        yield opened


@contextmanager
def signed_in(database: str, role: str | None = None) -> Iterator[None]:
    """Django's own connection, in this thread, is that role's to that database, or the superuser's."""
    before = connections["default"]
    user = role or before.settings_dict["USER"]
    connections["default"] = type(before)({**before.settings_dict, "NAME": database, "USER": user})
    try:
        yield
    finally:
        connections["default"].close()
        connections["default"] = before


class Database:
    """A new, empty database, and `manage.py` with it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.more_env: dict[str, str] = {}
        self.name = f"drawbridge_{uuid.uuid4().hex[:12]}"
        with session() as admin:
            admin.execute(f"CREATE DATABASE {self.name}")

    def manage(self, *args: str, role: str | None = None, code: int = 0) -> str:
        """What the command said on stdout."""
        done = subprocess.run(
            [sys.executable, ROOT / "manage.py", *args],
            env=self.env(role),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def env(self, role: str | None = None) -> dict[str, str]:
        """For a process of the control plane that signs in as `role`."""
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "DRAWBRIDGE_DATA_DIR": str(self.home),
            "DATABASE_URL": url(self.name, role),
            **self.more_env,
        }

    def rows(self, query: str, role: str | None = None) -> list[tuple[Any, ...]]:
        """The answer to a query."""
        with session(self.name, role) as opened:
            return opened.execute(query).fetchall()  # type: ignore[arg-type]

    def execute(self, statement: str, role: str | None = None) -> None:
        """One or more statements."""
        with session(self.name, role) as opened:
            opened.execute(statement)  # type: ignore[arg-type]

    def drop(self) -> None:
        """End its sessions and remove it."""
        with session() as admin:
            admin.execute(f"DROP DATABASE {self.name} WITH (FORCE)")
