"""The trace of a request (W3C Trace Context), for the log and for the caller."""

from contextvars import ContextVar
from dataclasses import dataclass

from enforcer.contract.trace_context import TraceParent, new_span_id, new_trace_id, parse_traceparent


@dataclass(frozen=True, slots=True)
class RequestTrace:
    """This request's own place in its trace."""

    place: TraceParent


TRACE = "drawbridge.trace"  # in a request's META: Django logs a refusal when every middleware has returned
CURRENT: ContextVar[RequestTrace | None] = ContextVar("request_trace", default=None)


def trace_of(traceparent: str | None) -> RequestTrace:
    """The caller's trace where its header names one properly, else a new one. Two header lines come joined: none."""
    parent = parse_traceparent(traceparent)
    if parent is None:
        return RequestTrace(TraceParent(new_trace_id(), new_span_id()))
    return RequestTrace(TraceParent(parent.trace_id, new_span_id(), parent.flags))


def current_trace_id() -> str | None:
    """Of the request that this code serves, if it serves one."""
    trace = CURRENT.get()
    return trace.place.trace_id if trace else None
