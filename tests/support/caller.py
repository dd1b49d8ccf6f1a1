"""A plain HTTP caller that speaks 2026-07-28 by hand, so that a test can also say what an honest client would not."""

import itertools
import json
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

MODERN = "2026-07-28"
_IDS = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers (lower-case names) and the parsed body, or nothing."""

    status: int
    headers: dict[str, str]
    body: dict[str, Any] | None

    @property
    def error(self) -> dict[str, Any]:
        """The JSON-RPC error; the test fails where there is none."""
        assert self.body is not None
        assert "error" in self.body, self.body
        error: dict[str, Any] = self.body["error"]
        return error

    @property
    def result(self) -> dict[str, Any]:
        """The result; the test fails where there is none."""
        assert self.body is not None
        assert "result" in self.body, self.body
        result: dict[str, Any] = self.body["result"]
        return result

    @property
    def codes(self) -> list[str]:
        """Reason codes of a refusal, none of an answer that passed."""
        if self.body is None or "error" not in self.body:
            return []
        codes: list[str] = self.body["error"].get("data", {}).get("reason_codes", [])
        return codes

    @property
    def receipt_id(self) -> str:
        """Which receipt a refusal names."""
        return str(self.error["data"]["receipt_id"])


class Caller:
    """One connection a request; safe in threads."""

    def __init__(self, url: str, token: str | None) -> None:
        self.url, self.token = url, token

    def call(self, tool: str, arguments: dict[str, Any] | None = None, **meta: Any) -> Answer:
        """`tools/call`."""
        params: dict[str, Any] = {"name": tool, "arguments": arguments if arguments is not None else {}}
        return self.request("tools/call", params, name=tool, meta=meta)

    def tools(self) -> list[str]:
        """Names on the first page of `tools/list`, sorted."""
        answer = self.request("tools/list", {})
        return sorted(tool["name"] for tool in answer.result["tools"])

    def request(
        self, method: str, params: dict[str, Any], *, name: str | None = None, meta: dict[str, Any] | None = None
    ) -> Answer:
        """Any modern request, headers and body agreeing."""
        whole = {
            **params,
            "_meta": {
                "io.modelcontextprotocol/protocolVersion": MODERN,
                "io.modelcontextprotocol/clientCapabilities": {},
                "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
                **(meta or {}),
            },
        }
        body = json.dumps({"jsonrpc": "2.0", "id": next(_IDS), "method": method, "params": whole}).encode()
        headers = {"MCP-Protocol-Version": MODERN, "Mcp-Method": method}
        if name is not None:
            headers["Mcp-Name"] = name
        return self.post(body, headers)

    def post(self, body: bytes, headers: dict[str, str] | None = None, *, method: str = "POST") -> Answer:
        """Exactly these bytes under the usual headers, which `headers` may replace."""
        whole = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        if self.token is not None:
            whole["Authorization"] = f"Bearer {self.token}"
        whole.update(headers or {})
        parts = urlsplit(self.url)
        connection = HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        try:
            connection.request(method, parts.path, body, whole)
            answer = connection.getresponse()
            raw = answer.read()
        finally:
            connection.close()
        names = {key.lower(): value for key, value in answer.getheaders()}
        return Answer(answer.status, names, json.loads(raw) if raw else None)
