"""W3C trace context (www.w3.org/TR/trace-context): the trace id that ties a receipt to the caller's trace."""

import re
import secrets

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")


def trace_id_of(traceparent: str | None) -> str | None:
    """The 32 hexadecimal digits of a valid `traceparent`, else nothing."""
    found = _TRACEPARENT.fullmatch(traceparent or "")
    return found.group(1) if found else None


def new_trace_id() -> str:
    """A random one."""
    return secrets.token_hex(16)
