"""Each request has a trace, and a line that names its route; nothing of what was sent is in any line."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from controlplane.observability import views
from controlplane.observability.logs import RequestFilter, gunicorn_logging_for, logging_for
from controlplane.observability.trace import current_trace_id
from enforcer.contract.log_lines import JsonLine, LineHandler
from enforcer.contract.trace_context import parse_traceparent

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CANARY = "canary7Secret"

pytestmark = pytest.mark.django_db


@pytest.fixture
def said() -> Iterator[io.StringIO]:
    """What the handler of LOGGING writes."""
    stream, root = io.StringIO(), logging.getLogger()
    handler = LineHandler(stream)
    handler.setFormatter(JsonLine())
    handler.addFilter(RequestFilter())
    access, before = logging.getLogger("controlplane.access"), logging.getLogger("controlplane.access").level
    access.setLevel(logging.INFO)
    root.addHandler(handler)
    yield stream
    root.removeHandler(handler)
    access.setLevel(before)


def lines(stream: io.StringIO, logger: str = "controlplane.access") -> list[dict[str, Any]]:
    found = (json.loads(line) for line in stream.getvalue().splitlines())
    return [line for line in found if line["logger"] == logger]


def test_the_callers_trace_goes_on_under_a_span_of_ours(client: Client, said: io.StringIO) -> None:
    answer = client.get("/api/v1/enforcer/state", headers={"traceparent": f"00-{TRACE}-{SPAN}-01"})
    told = parse_traceparent(answer.headers["traceresponse"])
    assert told is not None
    assert (told.trace_id, told.flags) == (TRACE, 1)
    assert told.span_id != SPAN
    assert [line["trace_id"] for line in lines(said)] == [TRACE]
    assert current_trace_id() is None


@pytest.mark.parametrize(
    "sent", [None, "00-broken", f"00-{TRACE}-{SPAN}-01,00-{TRACE}-{SPAN}-01", f"ff-{TRACE}-{SPAN}-01"]
)
def test_what_is_no_trace_begins_a_new_one(client: Client, said: io.StringIO, sent: str | None) -> None:
    answer = client.get("/api/v1/enforcer/state", headers={"traceparent": sent} if sent else {})
    told = parse_traceparent(answer.headers["traceresponse"])
    assert told is not None
    assert told.trace_id != TRACE
    assert [line["trace_id"] for line in lines(said)] == [told.trace_id]


def test_a_line_names_the_route_and_nothing_that_was_sent(client: Client, said: io.StringIO) -> None:
    client.get(
        f"/admin/inventory/server/{CANARY}/change/?next={CANARY}",
        headers={"Authorization": f"Bearer {CANARY}", "User-Agent": CANARY, "Cookie": f"sessionid={CANARY}"},
    )
    client.post(f"/api/v1/enforcer/state?server={CANARY}", {"password": CANARY})
    first, second = lines(said)
    assert (first["method"], first["route"]) == ("GET", "admin/inventory/server/<path:object_id>/change/")
    assert second["route"] == "api/v1/enforcer/state"
    assert second["status"] >= 400
    assert second["duration_ms"] >= 0
    (refused,) = lines(said, "django.request")  # Django's own, written when the middleware has returned
    assert (refused["message"], refused["trace_id"]) == ("Unauthorized: api/v1/enforcer/state", second["trace_id"])
    assert CANARY not in said.getvalue()


def test_probes_are_not_logged(client: Client, said: io.StringIO) -> None:
    for path in ("/healthz", "/metrics"):
        client.get(path)
    assert not lines(said)


def test_a_method_that_somebody_made_up_is_in_no_line(client: Client, said: io.StringIO) -> None:
    client.generic(CANARY, "/api/v1/enforcer/state")
    (line,) = lines(said)
    assert line["method"] == "(other)"
    assert CANARY.upper() not in said.getvalue().upper()


def test_a_crash_is_logged_with_its_trace_and_without_its_secrets(
    client: Client, token: str, said: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_accept: str) -> tuple[bytes, str]:
        raise ValueError(f"redis://admin:{CANARY}@127.0.0.1 refused Bearer {CANARY}\x1b[31m")

    monkeypatch.setattr(views, "text", broken)
    client.raise_request_exception = False
    headers = {"Authorization": f"Bearer {token}", "traceparent": f"00-{TRACE}-{SPAN}-01"}
    assert client.get("/metrics", headers=headers).status_code == 500
    (line,) = lines(said, "django.request")
    assert (line["level"], line["trace_id"]) == ("error", TRACE)
    assert "ValueError" in line["error"]
    assert "request" not in line
    assert CANARY not in said.getvalue()
    assert token not in said.getvalue()
    assert "\\u001b" not in said.getvalue()


def test_a_path_that_may_hold_a_one_time_link_is_logged_as_its_route(client: Client, said: io.StringIO) -> None:
    assert client.get(f"/api/v1/nothing/{CANARY}").status_code == 404
    (refused,) = lines(said, "django.request")
    assert refused["message"] == "Not Found: ^api/"
    assert CANARY not in said.getvalue()


@pytest.mark.parametrize(("wanted", "level"), [("json", "INFO"), ("line", "WARNING")])
def test_a_person_is_not_shown_each_request_and_a_machine_is(wanted: Any, level: str) -> None:
    assert logging_for(wanted)["loggers"]["controlplane.access"]["level"] == level


def test_every_handler_of_django_and_gunicorn_is_ours() -> None:
    for config in (logging_for("json"), gunicorn_logging_for("json")):
        assert set(config["handlers"]) == {"stderr"}
        assert config["handlers"]["stderr"]["()"] == "enforcer.contract.log_lines.LineHandler"
        assert not any(logger.get("handlers") for logger in config["loggers"].values())
