"""W3C Trace Context (www.w3.org/TR/trace-context-2): the one reading of `traceparent` and `tracestate` on both sides.

What isn't written exactly so is no trace, and who reads it begins a new one. Nothing is logged of what was refused: it
is a stranger's text.
"""

import re
import secrets
from dataclasses import dataclass

MAX_TRACEPARENT = 256
MAX_TRACESTATE = 512
MAX_MEMBERS = 32
SAMPLED = 0x01
KNOWN_FLAGS = 0x03  # sampled, random-trace-id: the others are not ours to pass on
_TRACEPARENT = re.compile(
    r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-[\x20-\x7e]*)?"
)
_MEMBER = re.compile(
    r"([a-z0-9][a-z0-9_\-*/@]{0,255})=([\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e])"
)


@dataclass(frozen=True, slots=True)
class TraceParent:
    """A place in a trace: the trace's id and the id of the span that is the parent of what follows."""

    trace_id: str
    span_id: str
    flags: int = 0

    @property
    def text(self) -> str:
        """As version 00 writes it."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags:02x}"


def parse_traceparent(text: object) -> TraceParent | None:
    """None for everything that isn't a valid one. A later version may go on after what version 00 knows."""
    found = _TRACEPARENT.fullmatch(text) if isinstance(text, str) and len(text) <= MAX_TRACEPARENT else None
    if found is None or (found[1] == "00" and found[5] is not None):
        return None
    return TraceParent(found[2], found[3], int(found[4], 16) & KNOWN_FLAGS)


def parse_tracestate(text: object) -> str:
    """The same, without what is past 512 characters; empty where it is none, or has a key twice."""
    if not isinstance(text, str) or len(text) > MAX_MEMBERS * MAX_TRACESTATE:
        return ""
    members = [member for raw in text.split(",") if (member := raw.strip(" \t"))]
    found = [_MEMBER.fullmatch(member) for member in members[: MAX_MEMBERS + 1]]
    keys = {match[1] for match in found if match is not None}
    if len(members) > MAX_MEMBERS or len(keys) != len(members):
        return ""
    return _shortened(members)


def _shortened(members: list[str]) -> str:
    """Whole members, the newest first, as many as fit."""
    kept = ",".join(members)
    while len(kept) > MAX_TRACESTATE:
        members = members[:-1]
        kept = ",".join(members)
    return kept


def new_trace_id() -> str:
    """A random one."""
    return secrets.token_hex(16)


def new_span_id() -> str:
    """A random one."""
    return secrets.token_hex(8)
