"""`python -m deploy.health.publisher`: leases are signed each second; before the first, Redis has the key list."""

import base64
import json
import os
import sys
import time

import django
from django.db import DatabaseError
from redis import RedisError

from controlplane.common.redis import connect
from enforcer.contract.redis_names import KEYS
from enforcer.contract.times import from_text

FRESH_S = 15.0


def trouble() -> str:
    """What is wrong, or nothing."""
    from django.conf import settings  # noqa: PLC0415 - Django must be set up first

    from controlplane.policy.models import Published  # noqa: PLC0415

    try:
        leases = list(Published.objects.exclude(lease="").values_list("lease", flat=True))
        if not leases:
            return "" if connect(settings.REDIS_URL).exists(KEYS) else "nothing is published yet"
    except (DatabaseError, RedisError) as problem:
        return f"{type(problem).__name__} in reading what is published"
    age = time.time() - max(map(_issued, leases))
    return "" if age < FRESH_S else f"the newest lease is {age:.0f} s old"


def _issued(envelope: str) -> float:
    """From our own database: only its date is read here."""
    payload = json.loads(base64.b64decode(json.loads(envelope)["payload"]))
    return from_text(payload["issued_at"])


def main() -> int:
    """Exit 0, or 1 with a line."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.config.settings")
    django.setup()
    found = trouble()
    if found:
        sys.stderr.write(f"{found}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
