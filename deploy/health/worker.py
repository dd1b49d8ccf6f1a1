"""`python -m deploy.health.worker`: the ingest worker's loop turned a moment ago (`deploy.worker`)."""

import sys
import time
from pathlib import Path

ALIVE = "/tmp/worker.alive"  # noqa: S108 - the container's own
FRESH_S = 15.0


def main() -> int:
    """Exit 0, or 1 with a line."""
    try:
        age = time.time() - Path(ALIVE).stat().st_mtime
    except FileNotFoundError:
        age = float("inf")
    if age < FRESH_S:
        return 0
    sys.stderr.write(f"{ALIVE} is {age:.0f} s old\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
