"""Which call a log record belongs to: its receipt and its trace, for as long as the call lasts.

What a call started and left running, a server's process say, inherits the name; once the call has ended it counts for
nothing.
"""

import logging
from contextvars import ContextVar, Token
from typing import Protocol


class Named(Protocol):
    """A message on its way."""

    receipt_id: str
    trace_id: str
    ended: bool


_CALL: ContextVar[Named | None] = ContextVar("call", default=None)


def enter(call: Named) -> Token[Named | None]:
    """From here on records are of this call."""
    return _CALL.set(call)


def leave(call: Named, token: Token[Named | None]) -> None:
    """It is over."""
    call.ended = True
    _CALL.reset(token)


class CallFilter(logging.Filter):
    """Names the call in each record; on a handler, so that it holds for every logger."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Lets everything pass."""
        call = _CALL.get()
        if call is not None and not call.ended:
            record.receipt_id, record.trace_id = call.receipt_id, call.trace_id
        return True
