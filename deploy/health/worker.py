"""`python -m deploy.health.worker`: the ingest worker's pulse, which takes the way of a receipt, came a moment ago."""

import sys

import psycopg

from deploy.health.database import exit_code, rows

FRESH_S = 15.0  # it beats every two seconds
AGE = "SELECT extract(epoch FROM now() - at)::float FROM observability_pulse WHERE part = 'ingest'"


def problem() -> str:
    """What is wrong, or nothing."""
    try:
        ages = rows(AGE)
    except psycopg.Error as trouble:
        return f"{type(trouble).__name__} in reading the pulse"
    age = float(str(ages[0])) if ages else float("inf")
    return "" if age < FRESH_S else f"the last pulse is {age:.0f} s old"


if __name__ == "__main__":
    sys.exit(exit_code(problem()))
