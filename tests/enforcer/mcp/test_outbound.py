"""What reaches an upstream was written here, from what was checked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enforcer.contract.strict_json import JsonObject, parse
from enforcer.mcp.admission import Admitted, Refusal
from enforcer.mcp.headers import encode_value
from enforcer.mcp.outbound import answer_to_server, outbound, own_request, upstream_headers
from enforcer.mcp.param_headers import HeaderParam
from enforcer.mcp.upstream.shape import encode
from tests.enforcer.mcp.cases import (
    INITIALIZE,
    META,
    MODERN,
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

CLEAN_META: JsonObject = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
}
TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


def test_a_call_goes_on_under_our_id_with_nothing_that_was_not_checked() -> None:
    params: JsonObject = {
        "name": "echo",
        "arguments": {"a": [1, "x"]},
        "Arguments": {"evil": True},
        "arguments2": 1,
        "input_responses": {},
        "_meta": {
            **META,
            "io.modelcontextprotocol/clientCapabilities": {"sampling": {}, "extensions": {"x": {}}},
            "io.modelcontextprotocol/secret": 1,
            "progressToken": 1,
            "baggage": "user=ada",
            "traceparent": "00-" + "c" * 32 + "-" + "d" * 16 + "-01",
            "tracestate": "a=1",
        },
    }
    trace = {"traceparent": TRACE}
    assert outbound(passed(modern("tools/call", params)), upstream_id="d-1", progress_token="p-1", trace=trace) == {
        "jsonrpc": "2.0",
        "id": "d-1",
        "method": "tools/call",
        "params": {
            "name": "echo",
            "arguments": {"a": [1, "x"]},
            "_meta": {**CLEAN_META, "progressToken": "p-1", "traceparent": TRACE},
        },
    }


def test_no_progress_is_asked_for_that_nobody_asked_for() -> None:
    sent = outbound(passed(call()), upstream_id="d-1", progress_token="p-1")
    assert sent["params"] == {"name": "echo", "arguments": {}, "_meta": CLEAN_META}
    asked = modern("tools/list", {"_meta": {**META, "progressToken": 7}})
    assert outbound(passed(asked), upstream_id="d-1")["params"] == {"_meta": CLEAN_META}


@pytest.mark.parametrize(("level", "kept"), [("debug", True), ("loud", False), (1, False)])
def test_a_log_level_passes_if_it_is_one(level: str | int, kept: bool) -> None:
    key = "io.modelcontextprotocol/logLevel"
    sent = outbound(passed(modern("tools/list", {"_meta": {**META, key: level}})), upstream_id="d-1")
    assert isinstance(sent["params"], dict)
    meta = sent["params"]["_meta"]
    assert isinstance(meta, dict)
    assert (key in meta) is kept


def test_a_client_that_names_itself_badly_is_not_named() -> None:
    meta: JsonObject = {**META, "io.modelcontextprotocol/clientInfo": {"name": 1}, "traceparent": "x\r\ny"}
    sent = outbound(passed(modern("tools/list", {"_meta": meta})), upstream_id="d-1")
    expected = {key: value for key, value in CLEAN_META.items() if "Info" not in key}
    assert sent["params"] == {"_meta": expected}


def test_initialize_goes_on_without_the_clients_capabilities() -> None:
    body = rpc("initialize", {**INITIALIZE, "protocolVersion": "1999-01-01", "_meta": {"x": 1}})
    assert outbound(passed(http(body)), upstream_id="d-1") == {
        "jsonrpc": "2.0",
        "id": "d-1",
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        },
    }
    body = rpc("initialize", {**INITIALIZE, "protocolVersion": "2025-03-26"})
    sent = outbound(passed(http(body)), upstream_id="d-1")["params"]
    assert isinstance(sent, dict)
    assert sent["protocolVersion"] == "2025-03-26"


def test_notifications_go_on_without_an_id_and_with_ours_inside() -> None:
    sessions = some_sessions()
    session = a_session(sessions)
    ready = passed(legacy(session, "notifications/initialized", {"x": 1}, id=None), sessions)
    assert outbound(ready, upstream_id=None) == rpc("notifications/initialized", id=None)
    cancel = passed(legacy(session, "notifications/cancelled", {"requestId": 5, "reason": "r"}, id=None), sessions)
    assert outbound(cancel, upstream_id=None, cancels="d-9")["params"] == {"requestId": "d-9"}


def test_the_clients_own_cursor_never_goes_on() -> None:
    found = passed(modern("tools/list", {"cursor": "wrapped"}))
    assert outbound(found, upstream_id="d-1", cursor="")["params"] == {"cursor": "", "_meta": CLEAN_META}
    assert outbound(found, upstream_id="d-1")["params"] == {"_meta": CLEAN_META}


def test_routing_headers_are_written_from_the_body() -> None:
    declared = (HeaderParam(("q",), "Queue", "string"),)
    request = call("ünï", {"q": "a\r\nEvil: 1"}, {"mcp-name": "=?base64?w7xuw68=?=", "mcp-param-other": "x"})
    sent = outbound(passed(request), upstream_id="d-1")
    assert upstream_headers("modern", sent, declared) == (
        ("Mcp-Method", "tools/call"),
        ("Mcp-Name", "=?base64?w7xuw68=?="),
        ("Mcp-Param-Queue", "=?base64?YQ0KRXZpbDogMQ==?="),
    )
    assert upstream_headers("legacy", sent, declared) == ()


def test_what_the_gate_asks_itself_is_whole() -> None:
    listed = own_request("modern", "tools/list", upstream_id="d-1", params={"cursor": "c"})
    assert isinstance(listed["params"], dict)
    assert listed["params"]["cursor"] == "c"
    assert set(listed["params"]["_meta"]) == set(CLEAN_META)  # type: ignore[arg-type]
    opening = own_request("legacy", "initialize", upstream_id="d-1")["params"]
    assert isinstance(opening, dict)
    assert (opening["protocolVersion"], opening["capabilities"]) == ("2025-11-25", {})


def test_a_server_that_asks_the_client_is_answered_here() -> None:
    assert answer_to_server(rpc("ping", id=7)) == {"jsonrpc": "2.0", "id": 7, "result": {}}
    for method in ("roots/list", "sampling/createMessage", "elicitation/create"):
        error = answer_to_server(rpc(method, id="s"))["error"]
        assert isinstance(error, dict)
        assert error["code"] == -32601


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(arguments=st.dictionaries(st.text(max_size=8), JSON, max_size=5), name=st.text(min_size=1, max_size=30))
def test_what_is_forwarded_reads_as_exactly_what_was_checked(arguments: JsonObject, name: str) -> None:
    found = admit(call(name, arguments, {"mcp-name": encode_value(name)}))
    assert isinstance(found, Admitted | Refusal)
    if isinstance(found, Refusal):  # 10,000 bytes are the limit of these cases
        assert found.fit.status == 413
        return
    assert found.arguments == arguments
    sent = parse(encode(outbound(found, upstream_id="d-1")))
    assert isinstance(sent, dict)
    params = sent["params"]
    assert isinstance(params, dict)
    assert (params["name"], params["arguments"]) == (name, found.arguments)
