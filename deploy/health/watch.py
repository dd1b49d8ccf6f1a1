"""`python -m deploy.health.watch`: the watcher has looked a moment ago, and could write that into the database."""

import sys

import psycopg

from deploy.health.database import exit_code, rows

FRESH_S = 30.0  # it looks every two seconds, and may have messages to send
AGE = "SELECT extract(epoch FROM now() - at)::float FROM observability_pulse WHERE part = 'watch'"


def problem() -> str:
    """What is wrong, or nothing."""
    try:
        ages = rows(AGE)
    except psycopg.Error as trouble:
        return f"{type(trouble).__name__} in reading the pulse"
    age = float(str(ages[0])) if ages else float("inf")
    return "" if age < FRESH_S else f"the last look was {age:.0f} s ago"


if __name__ == "__main__":
    sys.exit(exit_code(problem()))
