"""`python -m deploy.health.watch`: the watcher has looked a moment ago, and could write that into the database."""

import sys

from deploy.health.database import exit_code, pulse_problem

FRESH_S = 30.0  # it looks every two seconds, and may have messages to send

if __name__ == "__main__":
    sys.exit(exit_code(pulse_problem("watch", FRESH_S)))
