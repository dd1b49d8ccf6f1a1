"""`python -m deploy.health.publisher`: the newest lease was signed a moment ago, once there is a server to sign for."""

import sys
import time

import psycopg

from controlplane.observability.leases import newest_age_s
from deploy.health.database import exit_code, rows

FRESH_S = 15.0  # they are signed each second
LEASES = "SELECT lease FROM policy_published WHERE lease <> ''"


def problem() -> str:
    """What is wrong, or nothing."""
    try:
        leases = rows(LEASES)
    except psycopg.Error as trouble:
        return f"{type(trouble).__name__} in reading the leases"
    age = newest_age_s(map(str, leases), time.time()) if leases else 0.0
    return "" if age < FRESH_S else f"the newest lease is {age:.0f} s old"


if __name__ == "__main__":
    sys.exit(exit_code(problem()))
