"""`python -m deploy.health.url URL`: the part answers 200, under a certificate that is trusted here."""

import sys
import urllib.request

TIMEOUT_S = 4


def main(url: str) -> int:
    """Standard library alone: the enforcer's image asks with it too."""
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:  # noqa: S310 - the URL is in docker-compose.yml
            status: int = answer.status
    except OSError as problem:  # an error status is one too
        sys.stderr.write(f"{url}: {problem}\n")
        return 1
    return 0 if status == 200 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
