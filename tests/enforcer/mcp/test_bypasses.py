"""The bypass list of MCP_WIRE section 21: what is refused, and under its number what is left of the other attempts."""

import json

import pytest

from enforcer.contract.strict_json import JsonObject
from enforcer.mcp import answers
from enforcer.mcp.admission import Refusal, admit_transport
from enforcer.mcp.cursors import Cursors
from enforcer.mcp.lists import page_result, read_page
from enforcer.mcp.methods import Treatment
from enforcer.mcp.outbound import outbound, upstream_headers
from enforcer.mcp.param_headers import check_param_headers, header_params
from enforcer.mcp.requests import HttpRequest
from enforcer.mcp.results import call_result
from enforcer.mcp.streams import META_SUBSCRIPTION, first_message
from tests.enforcer.mcp.bypasses import AT_THE_DOOR, ELSEWHERE, REFUSED, Make, modern_text
from tests.enforcer.mcp.cases import (
    ADA,
    EVE,
    INITIALIZE,
    META,
    MODERN,
    VERSION,
    a_session,
    admit,
    call,
    http,
    legacy,
    modern,
    passed,
    rpc,
    some_sessions,
)


@pytest.mark.parametrize(("number", "tried", "make", "expected"), REFUSED, ids=[f"{r[0]} {r[1]}" for r in REFUSED])
def test_it_is_refused(number: int, tried: str, make: Make, expected: tuple[int, int]) -> None:
    sessions = some_sessions()
    session = a_session(sessions)
    session.in_flight[5] = "d-1"
    found = admit(make(session), sessions)
    assert isinstance(found, Refusal), tried
    assert tuple(found.fit) == expected


@pytest.mark.parametrize(("number", "tried", "request_", "status"), AT_THE_DOOR, ids=[r[1] for r in AT_THE_DOOR])
def test_it_is_refused_at_the_door(number: int, tried: str, request_: HttpRequest, status: int) -> None:
    refusal = admit_transport(request_, allowed_hosts={"gate"}, allowed_origins=())
    assert refusal is not None
    assert refusal.fit.status == status


def test_1_a_modern_request_on_a_session_knows_no_session() -> None:
    sessions = some_sessions()
    found = passed(call(headers={"mcp-session-id": a_session(sessions).id}), sessions)
    assert (found.era, found.session) == ("modern", None)


def test_4_lying_headers_of_the_handshake_era_change_nothing() -> None:
    sessions = some_sessions()
    headers = {"mcp-method": "tools/list", "mcp-name": "safe"}
    found = passed(legacy(a_session(sessions), "tools/call", {"name": "delete_all"}, headers), sessions)
    assert (found.treatment, found.params["name"]) == (Treatment.CALL, "delete_all")
    assert upstream_headers("legacy", outbound(found, upstream_id="d")) == ()


def test_6_discover_is_served_so_that_nobody_falls_back() -> None:
    assert passed(modern("server/discover")).treatment is Treatment.DISCOVER


def test_9_a_session_is_nothing_until_the_handshake_was_answered() -> None:
    sessions = some_sessions()
    session = sessions.open(ADA, "files", 100.0)
    found = admit(legacy(session, "tools/call", {"name": "x"}, {VERSION: "2025-11-25"}), sessions)
    assert isinstance(found, Refusal)
    assert found.fit.status == 404


def test_11_keys_in_another_case_are_not_passed_on() -> None:
    params: JsonObject = {"name": "safe", "Name": "evil", "NAME": "evil", "Arguments": {"evil": 1}}
    text = json.dumps(outbound(passed(modern("tools/call", params)), upstream_id="d"))
    assert "evil" not in text


def test_14_escapes_are_read_before_anybody_compares() -> None:
    text = modern_text(method='"method":"tools\\u002fcall"', name='"name":"d\\u0065lete"')
    headers = {VERSION: MODERN, "mcp-method": "tools/call"}
    assert passed(http(text.encode(), {**headers, "mcp-name": "delete"})).params["name"] == "delete"
    assert isinstance(admit(http(text.encode(), {**headers, "mcp-name": "d\\u0065lete"})), Refusal)


def test_17_an_upstream_sees_our_ids_alone() -> None:
    assert outbound(passed(modern("tools/list", id="victim")), upstream_id="d-7")["id"] == "d-7"


@pytest.mark.parametrize("era", ["modern", "legacy"])
def test_18_a_call_without_an_id_is_dropped(era: str) -> None:
    sessions = some_sessions()
    params: JsonObject = {"name": "delete_all"}
    modern_call = modern("tools/call", params, id=None)
    request = modern_call if era == "modern" else legacy(a_session(sessions), "tools/call", params, id=None)
    assert passed(request, sessions).treatment is Treatment.DROP


def test_33_listening_to_a_resource_is_not_acknowledged_and_reaches_no_server() -> None:
    asked: JsonObject = {"notifications": {"resourceSubscriptions": ["a:b"], "toolsListChanged": True}}
    found = passed(modern("subscriptions/listen", asked, id=7))
    assert found.treatment is Treatment.LISTEN
    first = first_message(found)
    assert first is not None
    assert first["params"] == {"notifications": {"toolsListChanged": True}, "_meta": {META_SUBSCRIPTION: 7}}


def test_34_a_stream_of_another_or_its_events_can_not_be_had() -> None:
    sessions = some_sessions()
    headers = {"mcp-session-id": a_session(sessions).id, "last-event-id": "e354", VERSION: "2025-11-25"}
    found = admit(http(headers=headers, method="GET"), sessions, principal=EVE)
    assert isinstance(found, Refusal)
    assert found.fit.status == 404


def test_39_a_task_nobody_asked_for_is_no_result() -> None:
    assert call_result({"resultType": "task", "task": {"taskId": "t"}}, "modern") is None


def test_40_an_error_carries_nothing_of_the_upstream() -> None:
    answer = answers.upstream_error(passed(call()), -32042, "r")
    assert b"elicitation" not in answer.encoded()
    assert b"-32042" not in answer.encoded()


def test_41_a_cursor_of_another_is_none() -> None:
    cursors = Cursors()
    wrapped = cursors.wrap("c", ADA, "files", "tools/list")
    assert wrapped is not None
    assert cursors.unwrap(wrapped, EVE, "files", "tools/list") is None


def test_42_and_44_a_doubled_tool_is_hidden_and_a_list_is_private() -> None:
    tool: JsonObject = {"name": "a", "inputSchema": {}}
    page = read_page({"tools": [tool, {**tool, "inputSchema": {"type": "object"}}], "cacheScope": "public"})
    assert page is not None
    made = page_result(page, "modern", visible={"a"}, genuine=lambda _: True, wrapped_cursor=None)
    assert (made["tools"], made["cacheScope"]) == ([], "private")


def test_45_and_46_no_capability_of_the_client_is_passed_on_in_either_era() -> None:
    wide: JsonObject = {"roots": {"listChanged": True}, "sampling": {}, "elicitation": {}, "extensions": {"x": {}}}
    meta: JsonObject = {**META, "io.modelcontextprotocol/clientCapabilities": wide}
    sent = [
        outbound(passed(modern("tools/list", {"_meta": meta})), upstream_id="d"),
        outbound(passed(http(rpc("initialize", {**INITIALIZE, "capabilities": wide}))), upstream_id="d"),
    ]
    for message in sent:
        assert not set(wide) & set(_words(message))


def test_50_a_schema_that_can_not_be_checked_refuses_the_call() -> None:
    request = call()
    broken = header_params({"properties": {"a": {"type": "number", "x-mcp-header": "A"}}})
    assert check_param_headers(broken, passed(request), request) is not None


def test_51_a_cancel_names_an_id_of_its_own_session_and_progress_is_ours() -> None:
    sessions = some_sessions()
    mine, other = a_session(sessions), a_session(sessions)
    other.in_flight[5] = "d-other"
    found = passed(legacy(mine, "notifications/cancelled", {"requestId": 5}, id=None), sessions)
    assert found.session is mine
    assert 5 not in mine.in_flight
    asked = passed(modern("tools/list", {"_meta": {**META, "progressToken": 1}}))
    params = outbound(asked, upstream_id="d", progress_token="p-9")["params"]
    assert isinstance(params, dict)
    assert params["_meta"]["progressToken"] == "p-9"  # type: ignore[index,call-overload]


def test_52_an_override_of_the_method_is_neither_read_nor_passed_on() -> None:
    request = call(headers={"x-http-method-override": "DELETE"})
    assert admit_transport(request, allowed_hosts={"gate"}, allowed_origins=()) is None
    names = {name for name, _ in upstream_headers("modern", outbound(passed(request), upstream_id="d"))}
    assert names == {"Mcp-Method", "Mcp-Name"}


def test_every_item_of_the_list_is_decided_here_or_named_elsewhere() -> None:
    here = {row[0] for row in REFUSED} | {row[0] for row in AT_THE_DOOR}
    for name in globals():
        if name.startswith("test_"):
            here |= {int(part) for part in name.split("_") if part.isdigit()}
    assert here | set(ELSEWHERE) == set(range(1, 53))
    assert not here & set(ELSEWHERE)


def _words(value: object) -> list[str]:
    if isinstance(value, dict):
        return [*value, *(word for inner in value.values() for word in _words(inner))]
    return []
