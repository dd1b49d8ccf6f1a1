"""Both event loops for every test here, and HTTP upstreams that answer exactly what a test says, byte for byte."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network

import pytest
import uvloop

from enforcer.mcp.upstream.http import HttpUpstream

LOOPBACK = ip_network("127.0.0.0/8")
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The gate runs on uvloop, tools on asyncio: connections and processes differ in both."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@dataclass(slots=True)
class RawServer:
    """Reads one request after the other of each connection and plays `answers` in turn; the last one repeats."""

    answers: list[bytes | Answer] = field(default_factory=list)
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    closed_by_client: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        try:
            while True:
                self.requests.append(await _one_request(reader))
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                if isinstance(answer, bytes):
                    writer.write(answer)
                    await writer.drain()
                else:
                    await answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.closed_by_client.set()
        finally:
            writer.close()

    def head(self, number: int = -1) -> dict[str, str]:
        """The headers of one request, names in lower case."""
        lines = self.requests[number].split(b"\r\n\r\n", 1)[0].decode().split("\r\n")[1:]
        return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


async def _one_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    lengths = (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    length = next(lengths, 0)
    return head + await reader.readexactly(length)


@pytest.fixture
async def server() -> AsyncIterator[RawServer]:
    """A server on a free port; give it `answers`."""
    raw = RawServer()
    listening = await asyncio.start_server(raw.serve, "127.0.0.1", 0)
    raw.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/mcp"
    yield raw
    listening.close()


@pytest.fixture
async def upstream(server: RawServer) -> AsyncIterator[HttpUpstream]:
    """The upstream that reaches it."""
    opened = HttpUpstream(server.url, fetch_allow=[LOOPBACK])
    yield opened
    await opened.close()


def reply(body: bytes, *headers: str, status: str = "200 OK", content_type: str = "application/json") -> bytes:
    """A whole HTTP answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    if content_type:
        lines.append(f"Content-Type: {content_type}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def stream(*events: str, end: bool = True) -> bytes:
    """A chunked event stream, ended or left open."""
    body = "".join(f"data: {event}\n\n" for event in events).encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + f"{len(body):x}\r\n".encode() + body + b"\r\n" + (b"0\r\n\r\n" if end else b"")
