"""How old the newest lease is: enforcers hear something new at least that often, or the publisher has stopped."""

import base64
import time

from controlplane.policy.models import Published
from enforcer.contract import strict_json
from enforcer.contract.times import from_text

STOPPED_AFTER_S = 3.0


def lease_age_s() -> float | None:
    """Seconds since the publisher last signed a lease; nothing where it never did."""
    row = Published.objects.exclude(lease="").order_by("server_id").first()
    if row is None:
        return None
    payload = strict_json.parse_object(row.lease.encode())["payload"]
    assert isinstance(payload, str)
    issued = strict_json.parse_object(base64.b64decode(payload))["issued_at"]
    assert isinstance(issued, str)
    return max(time.time() - from_text(issued), 0.0)
