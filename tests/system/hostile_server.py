"""An MCP server that answers a call of `note` in the way that its nonce names, byte for byte."""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.ledger import INPUT_SCHEMAS

JSON_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
SSE_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"


def whole(body: bytes, head: bytes = JSON_HEAD, *, closes: bool = True) -> bytes:
    """It says that it will close the connection: the next call must not be sent into one that is about to end."""
    last = b"Connection: close\r\n" if closes else b""
    return head + last + b"Content-Length: %d\r\n\r\n" % len(body) + body


def answer(way: str, right: bytes, request_id: str) -> bytes:
    error = json.dumps({"jsonrpc": "2.0", "id": request_id, "error": {"code": 1, "message": "canary-upstream"}})
    ways = {
        "closes": b"",
        "bad-chunk": JSON_HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nZZZ\r\nxx",
        "no-http": b"HTTP/9.9 abc\r\n\r\n",
        "short": JSON_HEAD + b"Content-Length: 500\r\n\r\n{",
        "huge-header": b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        "wrong-id": whole(right.replace(request_id.encode(), b"another")),
        "batch": whole(b"[" + right + b"]"),
        "deep": whole(right.replace(b'"hi"', b"[" * 3000 + b"]" * 3000)),
        "surrogate": whole(right.replace(b'"hi"', b'"\\ud800"')),
        "no-content": b"HTTP/1.1 204 No Content\r\n\r\n",
        "upgrade": b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nxxx",
        "redirect": whole(b"", b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\n"),
        "compressed": whole(right, JSON_HEAD + b"Content-Encoding: gzip\r\n"),
        "endless-questions": SSE_HEAD + b'data: {"jsonrpc":"2.0","id":1,"method":"ping"}\n\n' * 1000,
        "hangs": SSE_HEAD,
        "error": whole(error.encode()),
        "twice": whole(right, closes=False) + whole(right.replace(b"hi", b"canary-second"), closes=False),
    }
    return ways.get(way, whole(right))


class Handler(BaseHTTPRequestHandler):
    """Closes each connection after its answer, but for those that hang on."""

    def do_POST(self) -> None:
        message: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if "method" not in message:  # our answer to a question: taken late
            self.rfile.read()
            return
        result: dict[str, Any] = {"resultType": "complete", "content": [{"type": "text", "text": "hi"}]}
        if message["method"] == "tools/list":
            tools = [{"name": name, "description": name, "inputSchema": s} for name, s in INPUT_SCHEMAS.items()]
            result = {"resultType": "complete", "tools": tools}
        way = message["params"].get("arguments", {}).get("nonce", "")
        right = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}).encode()
        self.wfile.write(answer(way, right, message["id"]))
        self.wfile.flush()
        self.close_connection = True
        if way in ("hangs", "endless-questions"):
            self.rfile.read()  # until the gate has had enough

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def main() -> None:
    """Serve on the port that is given."""
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
    sys.stdout.write("serving\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
