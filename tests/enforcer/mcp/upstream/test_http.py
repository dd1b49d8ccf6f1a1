import asyncio
import gzip
import json
import socket

import pytest

from enforcer.errors import ConfigurationError
from enforcer.mcp.upstream.base import UpstreamFailure, UpstreamRequest
from enforcer.mcp.upstream.http import HttpUpstream
from tests.enforcer.mcp.upstream.conftest import LOOPBACK, Answer, RawServer, reply, stream
from tests.enforcer.mcp.upstream.requests import INITIALIZE, a_request, messages_of

RESULT = '{"jsonrpc":"2.0","id":"r1","result":{"tools":[]}}'
NOTE = '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"t","progress":1}}'
ASK = '{"jsonrpc":"2.0","id":1,"method":"roots/list"}'
OK = reply(RESULT.encode())


async def failure_of(upstream: HttpUpstream, request: UpstreamRequest) -> UpstreamFailure:
    with pytest.raises(UpstreamFailure) as caught:
        await messages_of(upstream, request)
    return caught.value


async def test_a_json_answer_is_one_message(server: RawServer, upstream: HttpUpstream) -> None:
    server.answers = [OK]
    assert await messages_of(upstream, a_request()) == [json.loads(RESULT)]


async def test_a_stream_gives_what_came_before_the_answer_and_nothing_after_it(
    server: RawServer, upstream: HttpUpstream
) -> None:
    server.answers = [stream(NOTE, ASK, RESULT, NOTE)]
    assert await messages_of(upstream, a_request()) == [json.loads(text) for text in (NOTE, ASK, RESULT)]


async def test_connections_are_reused_after_both_kinds_of_answer(server: RawServer, upstream: HttpUpstream) -> None:
    server.answers = [OK, stream(RESULT), OK, reply(b"", status="202 Accepted", content_type=""), OK]
    for n in range(5):
        await messages_of(upstream, a_request(id="r1" if n != 3 else None))
    assert server.connections == 1


async def test_headers_are_the_gates_own_and_complete(server: RawServer, upstream: HttpUpstream) -> None:
    server.answers = [OK]
    headers = (("Authorization", "Bearer upstream"), ("Mcp-Method", "tools/list"))
    await messages_of(upstream, a_request(headers=headers, session_id="s1"))
    head = server.head()
    del head["host"], head["content-length"]
    assert head == {
        "accept": "application/json, text/event-stream",
        "accept-encoding": "identity",
        "authorization": "Bearer upstream",
        "content-type": "application/json",
        "mcp-method": "tools/list",
        "mcp-protocol-version": "2025-11-25",
        "mcp-session-id": "s1",
    }


@pytest.mark.parametrize(
    "header",
    [
        ("X-A", "a\r\nX-B: b"),
        ("X-A", "é"),
        ("Host", "other"),
        ("MCP-protocol-version", "2025-03-26"),
        ("Cookie", "a=b"),
    ],
)
async def test_a_header_that_breaks_framing_or_doubles_ours_sends_nothing(
    server: RawServer, upstream: HttpUpstream, header: tuple[str, str]
) -> None:
    failure = await failure_of(upstream, a_request(headers=(header,)))
    assert (failure.kind, failure.sent, server.requests) == ("invalid", False, [])
    assert header[1] not in str(failure)


async def test_cookies_are_not_kept(server: RawServer, upstream: HttpUpstream) -> None:
    server.answers = [reply(RESULT.encode(), "Set-Cookie: a=b")]
    await messages_of(upstream, a_request())
    await messages_of(upstream, a_request())
    assert "cookie" not in server.head()


async def test_a_session_is_learnt_from_a_successful_initialize_alone(
    server: RawServer, upstream: HttpUpstream
) -> None:
    refused = b'{"jsonrpc":"2.0","id":"r1","error":{"code":-32600,"message":"no"}}'
    header = "Mcp-Session-Id: s1"
    server.answers = [
        reply(RESULT.encode(), header),
        reply(refused, header),
        reply(RESULT.encode(), header, status="400 Bad Request"),
        reply(RESULT.encode(), header),
    ]
    learnt = []
    for method in ("tools/list", "initialize", "initialize", "initialize"):
        async with upstream.exchange(a_request(method, INITIALIZE)) as exchange:
            assert [message async for message in exchange]
            learnt.append(exchange.session_id)
    assert learnt == [None, None, None, "s1"]


async def test_a_session_id_that_is_not_visible_ascii_is_refused(server: RawServer, upstream: HttpUpstream) -> None:
    server.answers = [reply(RESULT.encode(), "Mcp-Session-Id: a b")]
    assert (await failure_of(upstream, a_request("initialize"))).kind == "invalid"


async def test_not_found_for_a_session_means_that_it_is_lost(server: RawServer, upstream: HttpUpstream) -> None:
    server.answers = [reply(b"", status="404 Not Found")]
    assert (await failure_of(upstream, a_request(session_id="s1"))).session_lost


async def test_a_json_rpc_error_keeps_its_http_status(server: RawServer, upstream: HttpUpstream) -> None:
    error = b'{"jsonrpc":"2.0","id":"r1","error":{"code":-32601,"message":"no such method"}}'
    server.answers = [reply(error, status="404 Not Found")]
    async with upstream.exchange(a_request()) as exchange:
        assert [message async for message in exchange] == [json.loads(error)]
        assert exchange.status == 404


async def test_a_refusal_that_names_no_request_answers_ours(server: RawServer, upstream: HttpUpstream) -> None:
    error = b'{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"no"}}'
    server.answers = [reply(error, status="400 Bad Request")]
    assert await messages_of(upstream, a_request()) == [json.loads(error)]


async def test_a_notification_has_no_answer(server: RawServer, upstream: HttpUpstream) -> None:
    server.answers = [reply(b"", status="202 Accepted", content_type="")]
    async with upstream.exchange(a_request("notifications/initialized", id=None)) as exchange:
        assert [message async for message in exchange] == []
        assert exchange.status == 202


@pytest.mark.parametrize(
    "answer",
    [
        reply(b"hello", content_type="text/html"),
        reply(b""),
        reply(b"{", content_type="application/json; charset=utf-8"),
        reply(b'{"jsonrpc":"2.0","id":"r1","id":"r1","result":{}}'),
        reply(RESULT.encode("utf-16")),
        reply(f"[{RESULT}]".encode()),
        reply(RESULT.replace("r1", "r2").encode()),
        reply(b'{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"for whom"}}'),
        reply(NOTE.encode()),
        reply(b"", status="202 Accepted", content_type=""),
        reply(gzip.compress(RESULT.encode()), "Content-Encoding: gzip"),
        reply(b"", "Location: http://127.0.0.1:1/", status="307 Temporary Redirect"),
        stream(RESULT.replace("r1", "r2")),
        stream("hello", RESULT),
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
    ],
    ids=lambda answer: answer[-40:],
)
async def test_an_answer_that_is_not_one_is_invalid(server: RawServer, upstream: HttpUpstream, answer: bytes) -> None:
    server.answers = [answer]
    failure = await failure_of(upstream, a_request())
    assert (failure.kind, failure.sent) == ("invalid", True)


@pytest.mark.parametrize(
    "status", ["500 Oops", "502 Bad Gateway", "503 Away", "401 Unauthorized", "403 No", "429 Slow"]
)
async def test_a_status_without_json_rpc_says_unavailable(
    server: RawServer, upstream: HttpUpstream, status: str
) -> None:
    server.answers = [reply(b"<html>", status=status, content_type="text/html")]
    assert (await failure_of(upstream, a_request())).kind == "unavailable"


@pytest.mark.parametrize("answer", [OK, stream(NOTE, RESULT), stream(*[NOTE] * 50, end=False)])
async def test_an_answer_over_the_limit_is_cut(server: RawServer, upstream: HttpUpstream, answer: bytes) -> None:
    server.answers = [answer]
    failure = await failure_of(upstream, a_request(max_response_bytes=len(RESULT) - 1))
    assert failure.kind == "invalid"
    assert "bytes" in failure.detail


async def test_an_answer_of_exactly_the_limit_passes(server: RawServer, upstream: HttpUpstream) -> None:
    server.answers = [OK]
    assert await messages_of(upstream, a_request(max_response_bytes=len(RESULT)))


async def test_a_stream_that_ends_without_answer_is_unavailable(server: RawServer, upstream: HttpUpstream) -> None:
    server.answers = [stream(NOTE)]
    assert (await failure_of(upstream, a_request())).kind == "unavailable"


async def drop(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def drop_in_the_body(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(OK[:-5])
    await writer.drain()
    writer.close()


async def silence(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.readexactly(1)


async def half_an_event(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(stream(NOTE, end=False)[:-20])
    await reader.readexactly(1)


@pytest.mark.parametrize("answer", [drop, drop_in_the_body])
async def test_a_broken_connection_is_unavailable_and_maybe_sent(
    server: RawServer, upstream: HttpUpstream, answer: Answer
) -> None:
    server.answers = [answer]
    failure = await failure_of(upstream, a_request())
    assert (failure.kind, failure.sent) == ("unavailable", True)
    assert len(server.requests) == 1


@pytest.mark.parametrize("answer", [silence, half_an_event])
async def test_silence_ends_at_the_timeout_and_the_connection_is_closed(
    server: RawServer, upstream: HttpUpstream, answer: Answer
) -> None:
    server.answers = [answer]
    failure = await failure_of(upstream, a_request(timeout_s=0.2))
    assert (failure.kind, failure.sent) == ("timeout", True)
    await asyncio.wait_for(server.closed_by_client.wait(), 5)


async def test_nobody_listening_means_that_nothing_was_sent() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        upstream = HttpUpstream(f"http://127.0.0.1:{unused.getsockname()[1]}/mcp", fetch_allow=[LOOPBACK])
        failure = await failure_of(upstream, a_request())
    assert (failure.kind, failure.sent) == ("unavailable", False)
    await upstream.close()


async def test_leaving_early_closes_the_connection(server: RawServer, upstream: HttpUpstream) -> None:
    async def one_note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(stream(NOTE, end=False))
        await reader.readexactly(1)

    server.answers = [one_note]
    async with upstream.exchange(a_request()) as exchange:
        assert await anext(aiter(exchange)) == json.loads(NOTE)
    await asyncio.wait_for(server.closed_by_client.wait(), 5)


async def test_a_name_that_leads_inside_is_not_connected(server: RawServer) -> None:
    upstream = HttpUpstream(server.url.replace("127.0.0.1", "localhost"))
    failure = await failure_of(upstream, a_request())
    assert (failure.kind, failure.sent, server.connections) == ("unavailable", False, 0)
    await upstream.close()


async def test_a_proxy_of_the_environment_is_not_used(
    server: RawServer, upstream: HttpUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    server.answers = [OK]
    assert await messages_of(upstream, a_request())


async def test_a_closed_upstream_sends_nothing(server: RawServer, upstream: HttpUpstream) -> None:
    await upstream.close()
    assert not (await failure_of(upstream, a_request())).sent


@pytest.mark.parametrize("url", ["http://10.0.0.1/mcp", "https://169.254.169.254/", "file:///etc/passwd", "mcp"])
def test_a_url_that_may_not_be_reached_is_an_error_of_configuration(url: str) -> None:
    with pytest.raises(ConfigurationError):
        HttpUpstream(url, fetch_allow=[LOOPBACK])
