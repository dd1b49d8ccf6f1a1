"""Whatever comes in, admission gives a value and never an exception."""

import json

from hypothesis import given
from hypothesis import strategies as st

from enforcer.mcp import answers
from enforcer.mcp.admission import Admitted, HttpRequest, Refusal, admit_transport
from tests.enforcer.mcp.cases import META, MODERN, a_session, admit, some_sessions

NAMES = st.sampled_from(
    [b"host", b"origin", b"accept", b"content-type", b"content-length", b"content-encoding", b"transfer-encoding",
     b"authorization", b"mcp-session-id", b"mcp-protocol-version", b"mcp-method", b"mcp-name", b"traceparent"]
) | st.binary(max_size=20)  # fmt: skip
VALUES = st.sampled_from(
    [b"gate", b"application/json", b"*/*", b"2026-07-28", b"2025-11-25", b"tools/call", b"tools/list", b"echo", b""]
) | st.binary(max_size=40)
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=12).map(tuple)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10)
JSON = st.recursive(LEAVES, lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=9), x, max_size=3))
PARAMS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.just("echo") | JSON,
        "arguments": JSON,
        "cursor": JSON,
        "_meta": st.just(META) | JSON,
        "protocolVersion": st.just("2025-11-25") | JSON,
        "capabilities": st.just({}) | JSON,
        "clientInfo": st.just({"name": "a", "version": "1"}) | JSON,
        "requestId": JSON,
        "level": JSON,
        "task": JSON,
    },
)
METHODS = st.sampled_from(
    ["initialize", "ping", "tools/call", "tools/list", "server/discover", "logging/setLevel", "resources/read",
     "notifications/initialized", "notifications/cancelled"]
) | st.text(max_size=12)  # fmt: skip
MESSAGES = st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0") | JSON, "method": METHODS | JSON},
    optional={"id": st.integers(0, 9) | JSON, "params": PARAMS | JSON, "result": JSON},
)
BODIES = st.binary(max_size=200) | MESSAGES.map(lambda m: json.dumps(m).encode()) | JSON.map(
    lambda m: json.dumps(m).encode()
)  # fmt: skip
HTTP_METHODS = st.sampled_from(["POST", "GET", "DELETE", "PUT"])


@given(
    method=HTTP_METHODS, headers=HEADERS, body=BODIES, query=st.just(b"") | st.binary(max_size=9), live=st.booleans()
)
def test_admission_never_raises_and_every_refusal_can_be_answered(
    method: str, headers: tuple[tuple[bytes, bytes], ...], body: bytes, query: bytes, live: bool
) -> None:
    sessions = some_sessions()
    if live:
        headers = (*headers, (b"mcp-session-id", a_session(sessions).id.encode()))
    request = HttpRequest(method, "/mcp", query, headers, body)
    found = admit_transport(request, allowed_hosts={"gate"}, allowed_origins=())
    assert found is None or 400 <= answers.malformed(found, "r").status < 500
    message = admit(request, sessions)
    if isinstance(message, Refusal):
        assert json.loads(answers.malformed(message, "r").encoded())["error"]["data"]["receipt_id"] == "r"
    else:
        _is_as_sent(message, request)


@given(message=MESSAGES, headers=HEADERS)
def test_a_message_under_a_modern_header_is_modern_or_refused(
    message: dict[str, object], headers: tuple[tuple[bytes, bytes], ...]
) -> None:
    kept = tuple(line for line in headers if line[0] not in (b"mcp-protocol-version", b"mcp-method"))
    method = str(message["method"]).encode("utf-8", "replace")
    routing = ((b"mcp-protocol-version", MODERN.encode()), (b"mcp-method", method))
    request = HttpRequest("POST", "/mcp", b"", (*kept, *routing), json.dumps(message).encode())
    found = admit(request)
    assert isinstance(found, Refusal) or (found.era, found.session) == ("modern", None)


def _is_as_sent(message: Admitted, request: HttpRequest) -> None:
    if message.kind == "end":
        assert request.method == "DELETE"
        return
    sent = json.loads(request.body)
    assert (sent["method"], sent.get("params", {})) == (message.method, message.params)
    assert (sent.get("id"), "id" in sent) == (message.id, message.kind == "request")
    assert message.session is not None or message.era == "modern" or message.method == "initialize"
