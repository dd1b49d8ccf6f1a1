"""Admission of requests that are whole in themselves (2026-07-28)."""

import base64

import pytest

from enforcer.contract.strict_json import JsonObject, JsonValue
from enforcer.mcp.admission import Refusal
from enforcer.mcp.methods import Treatment
from enforcer.mcp.requests import HttpRequest
from tests.enforcer.mcp.cases import (
    META,
    MODERN,
    VERSION,
    a_session,
    admit,
    call,
    http,
    modern,
    passed,
    refused,
    some_sessions,
)

OTHER = {**META, "io.modelcontextprotocol/protocolVersion": "2027-01-01"}
NO_CAPABILITIES = {k: v for k, v in META.items() if "Capabilities" not in k}
BAD_CAPABILITIES = {**META, "io.modelcontextprotocol/clientCapabilities": 1}
LATER = {VERSION: "2027-01-01"}
PLAIN_PING: JsonObject = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


@pytest.mark.parametrize(
    ("method", "params", "treatment"),
    [
        ("server/discover", {}, Treatment.DISCOVER),
        ("tools/list", {}, Treatment.LIST),
        ("tools/list", {"cursor": ""}, Treatment.LIST),
        ("tools/call", {"name": "echo", "arguments": {"a": 1}}, Treatment.CALL),
        ("tools/call", {"name": "echo", "arguments": None}, Treatment.CALL),
        ("tools/call", {"name": "echo"}, Treatment.CALL),
    ],
)
def test_a_served_method_is_admitted(method: str, params: JsonObject, treatment: Treatment) -> None:
    found = passed(modern(method, params, id="x"))
    assert (found.era, found.protocol_version, found.kind, found.treatment) == (
        "modern",
        MODERN,
        "request",
        treatment,
    )
    assert (found.method, found.id, found.session) == (method, "x", None)


LADDER: list[tuple[str, HttpRequest, tuple[int, int]]] = [
    ("mismatch of versions", modern("tools/list", {"_meta": OTHER}), (400, -32020)),
    ("a version nobody serves", modern("tools/list", {"_meta": OTHER}, LATER), (400, -32022)),
    ("unknown header, plain body", http(PLAIN_PING, {VERSION: "1"}), (400, -32022)),
    ("an empty version header", modern("tools/list", {}, {VERSION: ""}), (400, -32020)),
    ("no _meta", modern("tools/list", {"_meta": {}}), (400, -32602)),
    ("_meta no object", modern("tools/list", {"_meta": []}), (400, -32602)),
    ("no capabilities", modern("tools/list", {"_meta": NO_CAPABILITIES}), (400, -32602)),
    ("capabilities no object", modern("tools/list", {"_meta": BAD_CAPABILITIES}), (400, -32602)),
    ("no Mcp-Method", modern("tools/list", {}, {"mcp-method": None}), (400, -32020)),
    ("another Mcp-Method", call(headers={"mcp-method": "tools/list"}), (400, -32020)),
    ("another case of Mcp-Method", call(headers={"mcp-method": "Tools/Call"}), (400, -32020)),
    ("Mcp-Method twice", call(headers={"mcp-method": ["tools/call", "tools/call"]}), (400, -32020)),
    ("no Mcp-Name", call(headers={"mcp-name": None}), (400, -32020)),
    ("another Mcp-Name", call(headers={"mcp-name": "safe"}), (400, -32020)),
    ("Mcp-Name twice", call(headers={"mcp-name": ["echo", "echo"]}), (400, -32020)),
    ("Mcp-Name in broken base64", call(headers={"mcp-name": "=?base64?ZWNobw?="}), (400, -32020)),
    ("Mcp-Name in other base64", call(headers={"mcp-name": "=?base64?ZWNobx==?="}), (400, -32020)),
    ("another uri", modern("resources/read", {"uri": "a:b"}, {"mcp-name": "a:c"}), (400, -32020)),
    ("mismatch before unknown method", modern("no/such", {}, {"mcp-method": "tools/list"}), (400, -32020)),
    ("initialize", modern("initialize"), (404, -32601)),
    ("ping", modern("ping"), (404, -32601)),
    ("logging/setLevel", modern("logging/setLevel"), (404, -32601)),
    ("resources/subscribe", modern("resources/subscribe", {"uri": "a:b"}), (404, -32601)),
    ("listening to nothing", modern("subscriptions/listen"), (400, -32602)),
    ("a wish in a text", modern("subscriptions/listen", {"notifications": {"toolsListChanged": "y"}}), (400, -32602)),
    ("resources/read", modern("resources/read", {"uri": "a:b"}, {"mcp-name": "a:b"}), (404, -32601)),
    ("prompts/get", modern("prompts/get", {"name": "p"}), (404, -32601)),
    ("completion/complete", modern("completion/complete"), (404, -32601)),
    ("tasks/get", modern("tasks/get", {"taskId": "t"}, {"mcp-name": "t"}), (404, -32601)),
    ("a call without a name", modern("tools/call", {"arguments": {}}), (400, -32602)),
    ("a name that is none", modern("tools/call", {"name": 7}), (400, -32020)),
    ("arguments in a text", modern("tools/call", {"name": "echo", "arguments": "{}"}), (400, -32602)),
    ("arguments in a list", modern("tools/call", {"name": "echo", "arguments": []}), (400, -32602)),
    ("a task", modern("tools/call", {"name": "echo", "task": {}}), (400, -32602)),
    ("answers nobody asked for", modern("tools/call", {"name": "echo", "inputResponses": {}}), (400, -32602)),
    ("a state that is not ours", modern("tools/call", {"name": "echo", "requestState": "s"}), (400, -32602)),
    ("a cursor that is none", modern("tools/list", {"cursor": 1}), (400, -32602)),
    ("a progress token that is none", modern("tools/list", {"_meta": {**META, "progressToken": 1.5}}), (400, -32602)),
]  # fmt: skip


@pytest.mark.parametrize(("situation", "request_", "expected"), LADDER, ids=[row[0] for row in LADDER])
def test_the_first_rung_that_breaks_is_the_answer(
    situation: str, request_: HttpRequest, expected: tuple[int, int]
) -> None:
    assert refused(request_) == expected


def test_every_refusal_carries_the_id_and_method_of_its_request() -> None:
    for situation, request, _ in LADDER:
        found = admit(request)
        assert isinstance(found, Refusal)
        assert found.id == 1, situation
        assert found.method is not None, situation


def test_an_unserved_version_is_told_the_list_that_discover_gives() -> None:
    found = admit(modern("tools/list", {"_meta": OTHER}, LATER))
    assert isinstance(found, Refusal)
    assert found.data == {"supported": [MODERN], "requested": "2027-01-01"}


@pytest.mark.parametrize("name", ["echo", "  spaced ", "ünïcode", "=?base64?eA==?=", "a\nb"])
def test_a_name_may_come_encoded(name: str) -> None:
    header = f"=?base64?{base64.b64encode(name.encode()).decode()}?="
    assert passed(call(name, headers={"mcp-name": header})).params["name"] == name


def test_white_space_around_a_header_is_not_part_of_it() -> None:
    passed(call(headers={"mcp-name": "   echo  ", "mcp-method": " tools/call", VERSION: f"{MODERN} "}))


def test_a_session_means_nothing_here() -> None:
    sessions = some_sessions()
    session = a_session(sessions)
    assert passed(call(headers={"mcp-session-id": session.id}), sessions).session is None
    assert passed(call(headers={"mcp-session-id": "made up"}), sessions).session is None


@pytest.mark.parametrize("method", ["notifications/cancelled", "notifications/initialized", "tools/call", "x"])
def test_a_notification_is_taken_and_dropped(method: str) -> None:
    found = passed(modern(method, {"name": "echo"}, id=None))
    assert (found.kind, found.treatment) == ("notification", Treatment.DROP)


def test_a_notification_of_two_versions_or_of_none_is_refused() -> None:
    assert refused(modern("x", {"_meta": OTHER}, id=None)) == (400, -32020)
    assert refused(modern("x", {"_meta": OTHER}, LATER, id=None)) == (400, -32022)


@pytest.mark.parametrize("token", ["t", 7])
def test_a_progress_token_is_read(token: JsonValue) -> None:
    found = passed(modern("tools/list", {"_meta": {**META, "progressToken": token}}))
    assert found.progress_token == token
