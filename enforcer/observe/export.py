"""Sending spans away, where the operator asks for it: OpenTelemetry's own SDK under its own `OTEL_*` variables.

Only `OTEL_TRACES_EXPORTER` turns it on; without it, or without the SDK (`pip install drawbridge[otel]`), spans cost
next to nothing and go nowhere.
"""

import importlib.util
import logging
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

from opentelemetry import trace

log = logging.getLogger(__name__)
EXPORTER = "OTEL_TRACES_EXPORTER"
GROUP = "opentelemetry_traces_exporter"
OTLP = ("otlp", "otlp_proto_http")  # as the specification names it, and as the package of the extra does
SERVICE = "drawbridge-enforcer"


def set_up(environ: Mapping[str, str], *, enforcer_id: str) -> None:
    """Export as asked; what can't be done is logged, and no reason not to serve."""
    name = environ.get(EXPORTER, "none").strip()
    if name in ("", "none") or environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return
    if importlib.util.find_spec("opentelemetry.sdk") is None:
        log.warning("%s is set, but opentelemetry-sdk is not installed: no span is exported", EXPORTER)
        return
    try:
        exporter = _exporter(name)
    except (ImportError, ValueError) as problem:
        log.warning("%s names %r, which can't be used, %s: no span is exported", EXPORTER, name, problem)
        return
    _start(exporter, enforcer_id, named=_is_named(environ))


def _exporter(name: str) -> Any:
    for wanted in OTLP if name == "otlp" else (name,):
        for found in entry_points(group=GROUP, name=wanted):
            return found.load()()
    raise ImportError("not installed")


def _is_named(environ: Mapping[str, str]) -> bool:
    """Whether the operator gave the service another name; it goes before ours."""
    return "OTEL_SERVICE_NAME" in environ or "service.name=" in environ.get("OTEL_RESOURCE_ATTRIBUTES", "")


def _start(exporter: Any, enforcer_id: str, *, named: bool) -> None:
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - an optional dependency
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    about = {"service.instance.id": enforcer_id} | ({} if named else {"service.name": SERVICE})
    provider = TracerProvider(resource=Resource.create(about))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
