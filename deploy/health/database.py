"""What health checks read. They ask the database themselves: to load Django each time would take seconds of a core."""

import sys
from pathlib import Path
from typing import LiteralString

import psycopg

from deploy.names import SECRETS

TIMEOUT_S = 4


def rows(query: LiteralString, *given: str) -> list[object]:
    """The first column, as the role of the container."""
    url = (Path(SECRETS) / "database.url").read_text().strip()
    with psycopg.connect(url, connect_timeout=TIMEOUT_S) as connection:
        return [row[0] for row in connection.execute(query, given).fetchall()]


def pulse_problem(part: str, fresh_s: float) -> str:
    """What is wrong with the newest pulse of a part, or nothing."""
    try:
        ages = rows("SELECT extract(epoch FROM now() - at)::float FROM observability_pulse WHERE part = %s", part)
    except psycopg.Error as trouble:
        return f"{type(trouble).__name__} in reading the pulse"
    age = float(str(ages[0])) if ages else float("inf")
    return "" if age < fresh_s else f"the last pulse is {age:.0f} s old"


def exit_code(problem: str) -> int:
    """0 where there is none, else 1 and a line."""
    if problem:
        sys.stderr.write(f"{problem}\n")
    return 1 if problem else 0
