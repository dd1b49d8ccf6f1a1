"""Clients that are not honest: each gets an answer or loses its connection, and what was a message has a receipt."""

import json
import socket
from urllib.parse import urlsplit

from tests.support.system import System

HEAD = "POST /mcp HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nAccept: */*\r\n"


def exchange(url: str, *parts: bytes) -> bytes:
    """What comes back for exactly these bytes, to the end of the connection."""
    address = urlsplit(url)
    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=10) as connection:
        got = b""
        try:
            for part in parts:
                connection.sendall(part)
            while part := connection.recv(65536):
                got += part
        except ConnectionError:
            pass  # answered and closed while we were still talking
        return got


def head(system: System, *more: str) -> bytes:
    host = urlsplit(system.gates["gate"].url).netloc
    return (HEAD.format(host=host) + "".join(f"{line}\r\n" for line in (*more, "Connection: close")) + "\r\n").encode()


def test_a_header_without_end_is_cut_off(system: System) -> None:
    answer = exchange(system.gates["gate"].url, head(system)[:-2] + b"X: ", b"a" * 5_000_000)
    assert answer == b"" or answer.split()[1] in (b"400", b"431")


def test_a_token_in_a_trailer_is_no_token(system: System, ada: str) -> None:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping"}).encode()
    chunks = b"%x\r\n%s\r\n0\r\nAuthorization: Bearer %s\r\n\r\n" % (len(body), body, ada.encode())
    answer = exchange(system.gates["gate"].url, head(system, "Transfer-Encoding: chunked") + chunks)
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"DENY_NO_AUTHN" in answer


def test_arguments_that_would_fill_a_receipt_are_answered_and_receipted(system: System, ada: str) -> None:
    caller = system.caller("gate", ada)
    for arguments in (
        {"\x01" * 127 + str(n): n for n in range(500)},
        {"nonce": {"\x01" * 127 + str(n): {"\x02" * 127: n} for n in range(500)}},
        {"nonce": "/".join(["\x01" * 250] * 16)},
    ):
        answer = caller.call("other", arguments)
        assert answer.status == 200
        if answer.codes:
            receipt = system.receipt(answer.receipt_id)
            assert receipt["decision"]["reason_codes"] == answer.codes
            assert len(json.dumps(receipt)) < 100_000
