"""How old leases are, read from our own rows: whoever signed one is not asked here."""

import base64
import binascii
import math
from collections.abc import Iterable

from enforcer.contract import strict_json
from enforcer.contract.times import from_text


def newest_age_s(leases: Iterable[str], now: float) -> float:
    """Seconds since the newest was signed; endless without any."""
    return min((age_s(lease, now) for lease in leases), default=math.inf)


def age_s(lease: str, now: float) -> float:
    """Of one envelope; endless where there is none or it can't be read."""
    try:
        payload = strict_json.parse_object(lease.encode()).get("payload")
        issued = strict_json.parse_object(base64.b64decode(str(payload), validate=True)).get("issued_at")
        return max(0.0, now - from_text(str(issued)))
    except (strict_json.StrictJsonError, binascii.Error, ValueError):
        return math.inf
