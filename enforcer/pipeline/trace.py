"""The trace that a message belongs to, and the gate's own span in it (W3C Trace Context, OpenTelemetry's API).

The caller's trace comes from the header, else from `_meta`; the span starts once both were looked at. Without an SDK
there is no span, and its ids are made here: receipt, log and upstream agree on them in any case.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from opentelemetry.context import Context
from opentelemetry.trace import (
    NonRecordingSpan,
    ProxyTracerProvider,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    format_span_id,
    format_trace_id,
    get_tracer,
    get_tracer_provider,
    set_span_in_context,
)

from enforcer.contract.strict_json import JsonValue
from enforcer.contract.trace_context import (
    TraceParent,
    new_span_id,
    new_trace_id,
    parse_traceparent,
    parse_tracestate,
)
from enforcer.mcp.requests import HttpRequest

TRACER = get_tracer("drawbridge.enforcer")


@dataclass(slots=True)
class Trace:
    """Of one message. `trace_id` holds until the span starts, and after it is the span's."""

    parent: TraceParent | None
    state: str
    trace_id: str
    place: TraceParent | None = None
    span: Span | None = None

    def start(self, name: str, at: float) -> None:
        """The gate's span, begun at `at` (unix seconds), under the caller's if there is one."""
        made = self._begin(name, at)
        if made is not None:
            self.trace_id = format_trace_id(made.trace_id)
            self.place = TraceParent(self.trace_id, format_span_id(made.span_id), int(made.trace_flags))
            self.state = made.trace_state.to_header()
        else:
            self.place = TraceParent(self.trace_id, new_span_id(), self.parent.flags if self.parent else 0)

    def _begin(self, name: str, at: float) -> SpanContext | None:
        """None where nothing makes spans."""
        if isinstance(get_tracer_provider(), ProxyTracerProvider):
            return None
        self.span = TRACER.start_span(
            name, _context(self.parent, self.state), SpanKind.SERVER, start_time=int(at * 1e9)
        )
        made = self.span.get_span_context()
        own = made.is_valid and (self.parent is None or format_span_id(made.span_id) != self.parent.span_id)
        return made if own else None  # a disabled SDK hands back the parent, or nothing

    def onward(self) -> dict[str, str]:
        """What the upstream is told: the same trace, this span as its parent."""
        if self.place is None:
            return {}
        told = {"traceparent": self.place.text}
        return {**told, "tracestate": self.state} if self.state else told

    def end(self, attributes: Mapping[str, str], problem: str) -> None:
        """It is over; `problem` says that the gate or the server failed, not that policy refused."""
        if self.span is None or not self.span.is_recording():
            return
        self.span.set_attributes(attributes)
        if problem:
            self.span.set_status(Status(StatusCode.ERROR, problem))
        self.span.end()


def trace_of(request: HttpRequest) -> Trace:
    """By the headers; a `traceparent` on two lines is none."""
    parent = parse_traceparent(request.one("traceparent"))
    if parent is None:
        return Trace(None, "", new_trace_id())
    return Trace(parent, parse_tracestate(",".join(request.lines("tracestate"))), parent.trace_id)


def join(trace: Trace, meta: JsonValue) -> None:
    """The trace that `_meta` names, where the headers named none."""
    parent = parse_traceparent(meta.get("traceparent")) if trace.parent is None and isinstance(meta, dict) else None
    if parent is not None and isinstance(meta, dict):
        trace.parent, trace.state, trace.trace_id = parent, parse_tracestate(meta.get("tracestate")), parent.trace_id


def _context(parent: TraceParent | None, state: str) -> Context:
    if parent is None:
        return Context()
    known = SpanContext(
        int(parent.trace_id, 16),
        int(parent.span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(parent.flags),
        trace_state=TraceState.from_header([state]) if state else None,
    )
    return set_span_in_context(NonRecordingSpan(known), Context())
