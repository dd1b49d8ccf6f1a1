"""A message that is none gets the protocol's answer and a receipt, and nothing is forwarded."""

import json
from pathlib import Path

import pytest

from tests.support.bench import lines_of
from tests.support.caller import MODERN
from tests.support.system import System

META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
}
HEADERS = {"MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/call", "Mcp-Name": "note"}


def a_call(**changes: object) -> bytes:
    params = {"name": "note", "arguments": {"nonce": "bad-message"}, "_meta": META}
    return json.dumps({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params, **changes}).encode()


GOOD = a_call()
CASES = [
    (b"{", HEADERS, 400, -32700, "DENY_MALFORMED_REQUEST"),
    (b"\xff", HEADERS, 400, -32700, "DENY_MALFORMED_REQUEST"),
    (b"[]", HEADERS, 400, -32600, "DENY_MALFORMED_REQUEST"),
    (GOOD.replace(b'"id": 7', b'"id": 7, "id": 8'), HEADERS, 400, -32700, "DENY_MALFORMED_REQUEST"),
    (GOOD.replace(b'"nonce":', b'"nonce": "x", "nonce":'), HEADERS, 400, -32700, "DENY_MALFORMED_REQUEST"),
    (GOOD.replace(b'"bad-message"', b"[" * 80 + b"]" * 80), HEADERS, 400, -32600, "DENY_PAYLOAD_TOO_LARGE"),
    (
        a_call(method="tools/destroy"),
        {**HEADERS, "Mcp-Method": "tools/destroy"},
        404,
        -32601,
        "DENY_METHOD_NOT_ALLOWED",
    ),
    (GOOD, {**HEADERS, "Mcp-Name": "other"}, 400, -32020, "DENY_MALFORMED_REQUEST"),
    (GOOD, {**HEADERS, "MCP-Protocol-Version": "2030-01-01"}, 400, -32020, "DENY_MALFORMED_REQUEST"),
    (GOOD, {**HEADERS, "Content-Type": "text/plain"}, 415, -32600, "DENY_MALFORMED_REQUEST"),
    (GOOD, {**HEADERS, "Accept": "text/html"}, 406, -32600, "DENY_MALFORMED_REQUEST"),
    (GOOD, {**HEADERS, "Host": "evil.example"}, 421, -32600, "DENY_MALFORMED_REQUEST"),
    (GOOD, {**HEADERS, "Origin": "https://evil.example"}, 403, -32600, "DENY_MALFORMED_REQUEST"),
    (a_call(params={"name": "note", "arguments": {}}), HEADERS, 400, -32602, "DENY_MALFORMED_REQUEST"),
]


@pytest.mark.parametrize(("body", "headers", "status", "code", "reason"), CASES)
def test_it_is_answered_receipted_and_not_forwarded(
    system: System, ada: str, ledger: Path, body: bytes, headers: dict[str, str], status: int, code: int, reason: str
) -> None:
    answer = system.caller("gate", ada).post(body, headers)
    assert (answer.status, answer.error["code"], answer.codes) == (status, code, [reason])
    assert answer.error["data"]["decision"] == "deny"
    receipt = system.receipt(answer.receipt_id)
    assert receipt["decision"]["reason_codes"] == [reason]
    assert "bad-message" not in lines_of(ledger)


def test_another_http_method_is_not_offered(system: System, ada: str) -> None:
    answer = system.caller("gate", ada).post(b"", method="PUT")
    assert (answer.status, answer.codes) == (405, ["DENY_METHOD_NOT_ALLOWED"])
    assert "POST" in answer.headers["allow"]


def test_a_stream_of_no_session_is_refused(system: System, ada: str) -> None:
    answer = system.caller("gate", ada).post(b"", {"mcp-session-id": "made-up"}, method="GET")
    assert (answer.status, answer.codes) == (404, ["DENY_MALFORMED_REQUEST"])


def test_another_spelling_of_the_path_is_another_path(system: System, ada: str) -> None:
    caller = system.caller("gate", ada)
    for spelling in ("/%6dcp", "/mcp/", "//mcp", "/mcp/nobody", "/MCP"):
        caller.url = system.gates["gate"].url.removesuffix("/mcp") + spelling
        assert caller.post(GOOD, HEADERS).status == 404


def test_the_resource_metadata_names_the_resource_by_the_configured_address(system: System) -> None:
    caller = system.caller("gate", None)
    base = caller.url.removesuffix("/mcp")
    caller.url = f"{base}/.well-known/oauth-protected-resource/mcp"
    answer = caller.post(b"", method="GET")
    assert answer.status == 200
    assert answer.body is not None
    assert answer.body["resource"] == f"{base}/mcp"
