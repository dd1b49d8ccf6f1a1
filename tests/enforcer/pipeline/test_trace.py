"""Receipt, span and upstream name one trace: the caller's where it named one properly, else a new one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NoOpTracerProvider, SpanKind, StatusCode, format_span_id, format_trace_id

from enforcer.contract.strict_json import JsonObject
from enforcer.contract.trace_context import parse_traceparent
from enforcer.journal.problems import JournalUnavailable
from enforcer.mcp.upstream.base import UpstreamFailure, UpstreamRequest
from enforcer.pipeline import trace
from tests.enforcer.pipeline.workbench import Workbench, honest

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
OTHER = "a" * 32
PARENT = f"00-{TRACE}-{SPAN}-01"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Workbench]:
    made = Workbench(tmp_path)
    yield made
    made.journal.close()


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """An SDK in use, and what it exported."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    monkeypatch.setattr(trace, "TRACER", provider.get_tracer("drawbridge.enforcer"))
    yield exporter
    provider.shutdown()


def told(bench: Workbench) -> tuple[dict[str, str], dict[str, Any]]:
    """Headers and `_meta` of the call as the upstream got it."""
    request = next(r for r in bench.server.sent if r.message["method"] == "tools/call")
    params: Any = request.message["params"]
    return dict(request.headers), params["_meta"]


async def test_the_trace_of_the_header_is_the_receipts_and_the_upstreams_under_a_span_of_the_gate(
    bench: Workbench,
) -> None:
    await bench.call(
        headers={"traceparent": PARENT, "tracestate": "a=1"}, meta={"traceparent": f"00-{OTHER}-{SPAN}-00"}
    )
    headers, meta = told(bench)
    onward = parse_traceparent(headers["traceparent"])
    assert onward is not None
    assert (onward.trace_id, onward.flags) == (TRACE, 1)
    assert onward.span_id != SPAN
    assert headers["tracestate"] == "a=1"
    assert (meta["traceparent"], meta["tracestate"]) == (headers["traceparent"], "a=1")
    assert [r["trace_id"] for r in bench.receipts()] == [TRACE]


async def test_the_trace_of_the_message_counts_where_the_header_names_none(bench: Workbench) -> None:
    await bench.call(headers={"traceparent": "00-broken"}, meta={"traceparent": PARENT, "tracestate": "b=2"})
    headers, _ = told(bench)
    assert headers["traceparent"].split("-")[1] == TRACE
    assert headers["tracestate"] == "b=2"
    assert [r["trace_id"] for r in bench.receipts()] == [TRACE]


async def test_a_call_without_a_trace_gets_a_new_one(bench: Workbench) -> None:
    await bench.call(headers={"tracestate": "a=1"}, meta={"traceparent": f"ff-{TRACE}-{SPAN}-01"})
    headers, _ = told(bench)
    onward = parse_traceparent(headers["traceparent"])
    assert onward is not None
    assert onward.trace_id != TRACE
    assert "tracestate" not in headers
    assert [r["trace_id"] for r in bench.receipts()] == [onward.trace_id]


async def test_a_doubled_header_is_none(bench: Workbench) -> None:
    await bench.call(headers={"traceparent": [PARENT, PARENT.replace(TRACE, OTHER)]})
    assert bench.receipts()[0]["trace_id"] not in (TRACE, OTHER)


async def test_a_state_that_is_too_long_goes_on_bounded_and_a_broken_one_not_at_all(bench: Workbench) -> None:
    await bench.call(headers={"traceparent": PARENT, "tracestate": ",".join(f"k{n}={'v' * 90}" for n in range(9))})
    assert len(told(bench)[0]["tracestate"]) <= 512
    bench.server.sent.clear()
    await bench.call(headers={"traceparent": PARENT, "tracestate": "a=1,a=2"})
    assert set(told(bench)[0]) == {"Mcp-Method", "Mcp-Name", "traceparent"}


async def test_a_span_is_the_callers_child_and_the_upstreams_parent(
    bench: Workbench, spans: InMemorySpanExporter
) -> None:
    await bench.call(headers={"traceparent": PARENT, "tracestate": "a=1"})
    (span,) = spans.get_finished_spans()
    assert span.parent is not None
    assert format_span_id(span.parent.span_id) == SPAN
    assert (span.name, span.kind) == ("tools/call", SpanKind.SERVER)
    assert span.status.status_code is StatusCode.UNSET
    headers, _ = told(bench)
    assert headers["traceparent"] == f"00-{TRACE}-{format_span_id(span.context.span_id)}-01"
    assert headers["tracestate"] == "a=1"
    (receipt,) = bench.receipts()
    assert receipt["trace_id"] == format_trace_id(span.context.trace_id) == TRACE
    assert dict(span.attributes or {}) == {
        "drawbridge.server": "files",
        "drawbridge.decision": "allow",
        "drawbridge.reason": "ALLOW_POLICY_MATCH",
        "drawbridge.receipt_id": receipt["receipt_id"],
        "mcp.method.name": "tools/call",
        "mcp.protocol.version": "2026-07-28",
        "gen_ai.tool.name": "fs_read",
    }


async def test_a_new_trace_is_the_spans_own(bench: Workbench, spans: InMemorySpanExporter) -> None:
    await bench.call()
    (span,) = spans.get_finished_spans()
    assert span.parent is None
    assert bench.receipts()[0]["trace_id"] == format_trace_id(span.context.trace_id)


async def test_a_refusal_before_the_message_was_read_has_a_span_too(
    bench: Workbench, spans: InMemorySpanExporter
) -> None:
    await bench.call(headers={"authorization": "Bearer canary7Secret", "traceparent": PARENT})
    (span,) = spans.get_finished_spans()
    assert span.name == "refused"
    assert "canary7Secret" not in span.to_json()
    assert bench.receipts()[0]["trace_id"] == format_trace_id(span.context.trace_id) == TRACE


async def test_what_a_caller_makes_up_is_in_no_span(bench: Workbench, spans: InMemorySpanExporter) -> None:
    await bench.call(tool="canary7Secret", arguments={"path": "canary7Secret"})
    (span,) = spans.get_finished_spans()
    assert "canary7Secret" not in span.to_json()
    assert (span.attributes or {})["drawbridge.reason"] == "DENY_TOOL_NOT_FOUND"


async def test_a_failing_server_and_a_failing_journal_are_errors_of_the_span_and_a_refusal_is_none(
    tmp_path: Path, spans: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(request: UpstreamRequest) -> Any:
        if request.message["method"] == "tools/call":
            raise UpstreamFailure("timeout", "its text")
        async for message in honest(request):
            yield message

    bench = Workbench(tmp_path, failing)
    await bench.call()

    async def full(_: JsonObject) -> None:
        raise JournalUnavailable("disk full")

    monkeypatch.setattr(bench.journal, "record", full)
    await bench.call(tool="missing")
    bench.journal.close()
    ended = [(span.status.status_code, span.status.description) for span in spans.get_finished_spans()]
    assert ended == [(StatusCode.ERROR, "upstream_timeout"), (StatusCode.ERROR, "DENY_AUDIT_UNAVAILABLE")]


@pytest.mark.parametrize("headers", [{}, {"traceparent": PARENT}])
async def test_a_disabled_sdk_changes_nothing(
    bench: Workbench, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trace, "get_tracer_provider", NoOpTracerProvider)
    monkeypatch.setattr(trace, "TRACER", NoOpTracerProvider().get_tracer("drawbridge.enforcer"))
    await bench.call(headers=headers)
    onward = parse_traceparent(told(bench)[0]["traceparent"])
    assert onward is not None
    assert onward.span_id != SPAN
    assert [r["trace_id"] for r in bench.receipts()] == [onward.trace_id]
