"""What health checks read. They ask the database themselves: to load Django each time would take seconds of a core."""

import sys
from pathlib import Path

import psycopg

from deploy.names import SECRETS

TIMEOUT_S = 4


def rows(query: str) -> list[object]:
    """The first column, as the role of the container."""
    url = (Path(SECRETS) / "database.url").read_text().strip()
    with psycopg.connect(url, connect_timeout=TIMEOUT_S) as connection:
        return [row[0] for row in connection.execute(query).fetchall()]


def exit_code(problem: str) -> int:
    """0 where there is none, else 1 and a line."""
    if problem:
        sys.stderr.write(f"{problem}\n")
    return 1 if problem else 0
