"""`python -m deploy.health.worker`: the ingest worker's pulse, which takes the way of a receipt, came a moment ago."""

import sys

from deploy.health.database import exit_code, pulse_problem

FRESH_S = 15.0  # it beats every two seconds

if __name__ == "__main__":
    sys.exit(exit_code(pulse_problem("ingest", FRESH_S)))
