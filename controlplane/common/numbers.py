"""JSON as it was read, out of a database that keeps numbers in its own way."""

from typing import Any

from enforcer.contract.strict_json import MAX_INT


def as_read(value: Any) -> Any:
    """PostgreSQL gives 1e300 back as an integer of 301 digits, which no JSON reader here would take for a number."""
    if isinstance(value, dict):
        return {key: as_read(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [as_read(inner) for inner in value]
    beyond = isinstance(value, int) and abs(value) > MAX_INT
    return float(value) if beyond else value
