import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn

from enforcer import http_protocol
from enforcer.http_protocol import BoundedProtocol

HEAD = b"POST / HTTP/1.1\r\nHost: x\r\n"
OK = b"HTTP/1.1 200 OK"


class Echo:
    """Reads the body, remembers the headers, answers `size` bytes."""

    def __init__(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.size = 2

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            more = message.get("more_body", False)
        self.headers = list(scope["headers"])
        length = str(self.size).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
        await send({"type": "http.response.body", "body": b"x" * self.size})


@pytest.fixture
def app() -> Echo:
    return Echo()


@pytest.fixture
async def port(app: Echo) -> AsyncIterator[int]:
    config = uvicorn.Config(app, http=BoundedProtocol, ws="none", lifespan="off", log_config=None)
    server, listening = uvicorn.Server(config), socket.create_server(("127.0.0.1", 0))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server._serve([listening]))  # `serve` would take the signals of the test run
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        yield listening.getsockname()[1]
        server.should_exit = True


async def answer_to(port: int, *parts: bytes) -> bytes:
    """Everything that comes back until the other side ends or two seconds of silence."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        async with asyncio.timeout(2):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def test_an_ordinary_request_passes_however_it_is_cut(port: int) -> None:
    whole = HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\nhi"
    assert (await answer_to(port, whole)).startswith(OK)
    assert (await answer_to(port, *(bytes([byte]) for byte in whole))).startswith(OK)


async def test_many_tiny_chunks_are_no_large_head(port: int) -> None:
    body = b"1\r\nx\r\n" * 50_000 + b"0\r\n\r\n"
    answer = await answer_to(port, HEAD + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n", body)
    assert answer.startswith(OK)


@pytest.mark.parametrize(
    "endless",
    [HEAD + b"X: " + b"a" * 400_000, HEAD + b"X: a\r\n" * 60_000, b"POST /" + b"a" * 400_000],
    ids=["one header", "many headers", "path"],
)
async def test_a_head_without_end_ends_the_connection(port: int, endless: bytes) -> None:
    assert OK not in await answer_to(port, endless)


async def test_a_head_too_large_is_refused_even_if_it_came_whole(port: int, app: Echo) -> None:
    answer = await answer_to(port, HEAD + b"X: " + b"a" * 70_000 + b"\r\nContent-Length: 0\r\n\r\n")
    assert OK not in answer
    assert app.headers == []


async def test_trailers_without_end_end_the_connection(port: int) -> None:
    start = HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX: "
    assert OK not in await answer_to(port, start, b"a" * 400_000)


async def test_a_trailer_is_no_header(port: int, app: Echo) -> None:
    request = HEAD + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nAuthorization: Bearer x\r\n\r\n"
    assert (await answer_to(port, request)).startswith(OK)
    assert b"authorization" not in dict(app.headers)


@pytest.mark.parametrize("part", [b"", HEAD, HEAD + b"Content-Length: 5\r\n\r\nhi"], ids=["nothing", "head", "body"])
async def test_a_request_that_does_not_arrive_loses_its_connection(
    port: int, part: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "REQUEST_S", 0.1)
    assert await answer_to(port, part) == b""


async def test_a_client_that_does_not_read_loses_its_connection(
    port: int, app: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "READ_S", 0.1)
    app.size = 30_000_000
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1000)
    writer.write(HEAD + b"Content-Length: 0\r\n\r\n")
    await asyncio.sleep(0.5)  # the reading that does not happen
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        async with asyncio.timeout(5):
            await reader.readexactly(30_000_000)
    writer.close()
