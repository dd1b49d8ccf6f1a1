"""Spans leave only where the operator asked for it, by OpenTelemetry's own variables."""

import importlib.util
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from enforcer.observe import export

SENT: list[InMemorySpanExporter] = []


class Exporter(InMemorySpanExporter):
    """Remembers that it was made."""

    def __init__(self) -> None:
        super().__init__()
        SENT.append(self)


class Broken:
    """Can't be made."""

    def __init__(self) -> None:
        raise ValueError("no endpoint")


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[TracerProvider]]:
    """What became the provider of this process."""
    made: list[TracerProvider] = []
    monkeypatch.setattr(trace, "set_tracer_provider", made.append)
    points = {"otlp_proto_http": "Exporter", "mine": "Exporter", "broken": "Broken"}

    def entry_points(*, group: str, name: str) -> list[EntryPoint]:
        value = points.get(name)
        return [EntryPoint(name, f"{__name__}:{value}", group)] if value else []

    monkeypatch.setattr(export, "entry_points", entry_points)
    SENT.clear()
    yield made
    for one in made:
        one.shutdown()


@pytest.mark.parametrize("environ", [{}, {"OTEL_TRACES_EXPORTER": "none"}, {"OTEL_TRACES_EXPORTER": ""},
    {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_SDK_DISABLED": "true"}])  # fmt: skip
def test_without_being_asked_nothing_is_exported(environ: dict[str, str], provider: list[TracerProvider]) -> None:
    export.set_up(environ, enforcer_id="gate")
    assert not provider


@pytest.mark.parametrize("name", ["otlp", "mine"])
def test_a_span_gets_out_under_the_enforcers_name(name: str, provider: list[TracerProvider]) -> None:
    export.set_up({"OTEL_TRACES_EXPORTER": name}, enforcer_id="gate")
    provider[0].get_tracer("test").start_span("a call").end()
    provider[0].force_flush()
    (span,) = SENT[0].get_finished_spans()
    assert span.name == "a call"
    assert span.resource.attributes["service.name"] == "drawbridge-enforcer"
    assert span.resource.attributes["service.instance.id"] == "gate"


@pytest.mark.parametrize(
    ("variable", "value"), [("OTEL_SERVICE_NAME", "ours"), ("OTEL_RESOURCE_ATTRIBUTES", "service.name=ours,a=b")]
)
def test_the_operators_name_for_the_service_stays(
    variable: str, value: str, provider: list[TracerProvider], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    export.set_up({"OTEL_TRACES_EXPORTER": "otlp", variable: value}, enforcer_id="gate")
    assert provider[0].resource.attributes["service.name"] == "ours"


@pytest.mark.parametrize(("name", "why"), [("otlp2", "not installed"), ("broken", "no endpoint")])
def test_an_exporter_that_is_not_there_is_said_and_stops_nobody(
    name: str, why: str, provider: list[TracerProvider], caplog: pytest.LogCaptureFixture
) -> None:
    export.set_up({"OTEL_TRACES_EXPORTER": name}, enforcer_id="gate")
    assert not provider
    assert why in caplog.text


def test_without_the_sdk_it_is_said(
    provider: list[TracerProvider], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(_name: str) -> Any:
        return None

    monkeypatch.setattr(importlib.util, "find_spec", nothing)
    export.set_up({"OTEL_TRACES_EXPORTER": "otlp"}, enforcer_id="gate")
    assert not provider
    assert "opentelemetry-sdk is not installed" in caplog.text
