"""Admission of the handshake era: initialize, then messages of a session."""

import pytest

from enforcer.contract.strict_json import JsonObject, JsonValue
from enforcer.mcp.admission import Admitted, Refusal
from enforcer.mcp.methods import Treatment
from tests.enforcer.mcp.cases import (
    EVE,
    INITIALIZE,
    META,
    VERSION,
    Headers,
    a_session,
    admit,
    http,
    legacy,
    passed,
    refused,
    rpc,
    some_sessions,
)


@pytest.mark.parametrize("headers", [{}, {VERSION: "2025-06-18"}])
def test_initialize_opens_with_no_header_or_one_of_its_era(headers: Headers) -> None:
    found = passed(http(rpc("initialize", INITIALIZE), headers))
    assert (found.era, found.treatment, found.session) == ("legacy", Treatment.OPEN, None)


@pytest.mark.parametrize(
    ("method", "params", "treatment"),
    [
        ("ping", {}, Treatment.LOCAL),
        ("logging/setLevel", {"level": "info"}, Treatment.LOCAL),
        ("tools/list", {}, Treatment.LIST),
        ("tools/call", {"name": "echo"}, Treatment.CALL),
    ],
)
def test_a_served_method_is_admitted_within_a_session(method: str, params: JsonObject, treatment: Treatment) -> None:
    sessions = some_sessions()
    session = a_session(sessions)
    found = passed(legacy(session, method, params), sessions)
    assert (found.era, found.protocol_version, found.treatment) == ("legacy", "2025-11-25", treatment)
    assert found.session is session


@pytest.mark.parametrize(
    ("method", "params", "treatment"),
    [
        ("notifications/initialized", {}, Treatment.READY),
        ("notifications/cancelled", {"requestId": 5}, Treatment.CANCEL),
        ("notifications/cancelled", {"requestId": None}, Treatment.DROP),
        ("notifications/progress", {}, Treatment.DROP),
        ("notifications/roots/list_changed", {}, Treatment.DROP),
        ("tools/call", {"name": "echo"}, Treatment.DROP),
        ("initialize", INITIALIZE, Treatment.DROP),
    ],
)
def test_a_notification_is_passed_on_or_dropped(method: str, params: JsonObject, treatment: Treatment) -> None:
    sessions = some_sessions()
    found = passed(legacy(a_session(sessions), method, params, id=None), sessions)
    assert (found.kind, found.treatment) == ("notification", treatment)


TWO_VERSIONS: Headers = {VERSION: ["2025-11-25", "2026-07-28"]}
OPENINGS: list[tuple[str, JsonObject, Headers, tuple[int, int]]] = [
    ("no session, no handshake", rpc("tools/call", {"name": "echo"}), {}, (400, -32600)),
    ("a ping without a session", rpc("ping"), {}, (400, -32600)),
    ("a notification without a session", rpc("tools/call", id=None), {}, (400, -32600)),
    ("initialize as a notification", rpc("initialize", INITIALIZE, id=None), {}, (400, -32600)),
    ("a version header alone", rpc("tools/call", {"name": "x"}), {VERSION: "2025-11-25"}, (400, -32600)),
    ("modern body, no header", rpc("tools/call", {"name": "x", "_meta": META}), {}, (400, -32020)),
    ("modern body, handshake header", rpc("tools/list", {"_meta": META}), {VERSION: "2025-03-26"}, (400, -32020)),
    ("initialize with a modern body", rpc("initialize", {**INITIALIZE, "_meta": META}), {}, (400, -32020)),
    ("two version headers", rpc("initialize", INITIALIZE), TWO_VERSIONS, (400, -32020)),
    ("no capabilities", rpc("initialize", {**INITIALIZE, "capabilities": None}), {}, (400, -32602)),
    ("no client info", rpc("initialize", {**INITIALIZE, "clientInfo": {"name": "x"}}), {}, (400, -32602)),
    ("no version", rpc("initialize", {**INITIALIZE, "protocolVersion": 1}), {}, (400, -32602)),
    ("a session nobody gave out", rpc("ping"), {"mcp-session-id": "made up"}, (404, -32600)),
]  # fmt: skip


@pytest.mark.parametrize(("situation", "body", "headers", "expected"), OPENINGS, ids=[row[0] for row in OPENINGS])
def test_what_is_no_opening_is_refused(
    situation: str, body: JsonObject, headers: Headers, expected: tuple[int, int]
) -> None:
    assert refused(http(body, headers)) == expected


WITHIN: list[tuple[str, str, JsonObject, Headers, tuple[int, int]]] = [
    ("a second initialize", "initialize", INITIALIZE, {}, (400, -32600)),
    ("another version than negotiated", "ping", {}, {VERSION: "2025-03-26"}, (400, -32600)),
    ("no version though this revision has it", "ping", {}, {VERSION: None}, (400, -32600)),
    ("a modern body", "tools/call", {"name": "x", "_meta": META}, {}, (400, -32020)),
    ("resources", "resources/read", {"uri": "a:b"}, {}, (200, -32601)),
    ("prompts", "prompts/get", {"name": "p"}, {}, (200, -32601)),
    ("completion", "completion/complete", {}, {}, (200, -32601)),
    ("tasks", "tasks/list", {}, {}, (200, -32601)),
    ("discover", "server/discover", {}, {}, (200, -32601)),
    ("a log level nobody knows", "logging/setLevel", {"level": "loud"}, {}, (400, -32602)),
    ("a task", "tools/call", {"name": "x", "task": {"ttl": 1}}, {}, (400, -32602)),
    ("_meta no object", "tools/call", {"name": "x", "_meta": 1}, {}, (400, -32602)),
]


@pytest.mark.parametrize(("situation", "method", "params", "headers", "expected"), WITHIN, ids=[r[0] for r in WITHIN])
def test_what_a_session_does_not_allow_is_refused(
    situation: str, method: str, params: JsonObject, headers: Headers, expected: tuple[int, int]
) -> None:
    sessions = some_sessions()
    assert refused(legacy(a_session(sessions), method, params, headers), sessions) == expected


@pytest.mark.parametrize("version", ["2024-11-05", "2025-03-26"])
def test_old_revisions_need_no_version_header(version: str) -> None:
    sessions = some_sessions()
    passed(legacy(a_session(sessions, version=version), "ping", {}, {VERSION: None}), sessions)


def test_routing_headers_mean_nothing_and_the_body_decides() -> None:
    sessions = some_sessions()
    headers: Headers = {"mcp-method": "tools/list", "mcp-name": ["safe", "safer"], "mcp-param-x": "y"}
    found = passed(legacy(a_session(sessions), "tools/call", {"name": "delete_all"}, headers), sessions)
    assert (found.method, found.params["name"]) == ("tools/call", "delete_all")


def test_a_strangers_session_is_as_unknown_as_one_that_never_was() -> None:
    sessions = some_sessions()
    session = a_session(sessions)
    strange = admit(legacy(session, "ping"), sessions, principal=EVE)
    never = admit(legacy(session, "ping", {}, {"mcp-session-id": "never"}), sessions)
    assert isinstance(strange, Refusal)
    assert strange == never


def test_an_id_can_not_be_used_again_while_its_request_is_in_flight() -> None:
    sessions = some_sessions()
    session = a_session(sessions)
    session.in_flight[1] = "d-1"
    assert refused(legacy(session, "ping", id=1), sessions) == (400, -32600)
    passed(legacy(session, "ping", id="1"), sessions)
    del session.in_flight[1]
    passed(legacy(session, "ping", id=1), sessions)


def end(session_id: JsonValue, version: str | None = "2025-11-25", **more: str) -> Headers:
    return {"mcp-session-id": str(session_id), VERSION: version, "accept": "*/*", **more}


@pytest.mark.parametrize(("method", "treatment"), [("DELETE", Treatment.END), ("GET", Treatment.LISTEN)])
def test_only_its_owner_listens_to_a_session_or_ends_it(method: str, treatment: Treatment) -> None:
    sessions = some_sessions()
    session = a_session(sessions)
    request = http(headers=end(session.id), method=method)
    found = admit(request, sessions, principal=EVE)
    assert isinstance(found, Refusal)
    assert found.fit.status == 404
    found = admit(request, sessions)
    assert isinstance(found, Admitted)
    assert (found.kind, found.treatment, found.session) == ("bodiless", treatment, session)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (end("made up"), 404),
        ({}, 400),
        ({"mcp-session-id": "it", VERSION: ["2025-11-25", "2025-11-25"]}, 400),
    ],
)
@pytest.mark.parametrize("method", ["DELETE", "GET"])
def test_to_end_or_listen_to_nothing_is_refused(headers: Headers, status: int, method: str) -> None:
    assert refused(http(headers=headers, method=method))[0] == status


def test_an_end_under_another_version_is_refused() -> None:
    sessions = some_sessions()
    session = a_session(sessions)
    assert refused(http(headers=end(session.id, "2025-03-26"), method="DELETE"), sessions)[0] == 400
