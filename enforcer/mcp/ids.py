"""Ids of our own making: what a client chose never reaches an upstream, and the other way round."""

import re
import secrets

_OF_WORKER = re.compile(r"w([1-9][0-9]{0,2})\.")


def new_request_id() -> str:
    """For one message to an upstream; unique in the fleet."""
    return "d-" + secrets.token_hex(12)


def new_session_id(worker: int = 0) -> str:
    """192 random bits in visible ASCII (MCP_WIRE section 2.5 asks for 128), after the number of the worker that has it.

    Without workers the number is left out.
    """
    return (f"w{worker}." if worker else "") + secrets.token_urlsafe(24)


def worker_of(session_id: str) -> int:
    """Whose it would be if it is one of ours; 0 for any other."""
    found = _OF_WORKER.match(session_id)
    return int(found[1]) if found else 0
