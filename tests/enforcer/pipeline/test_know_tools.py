import asyncio
from collections.abc import AsyncIterator

import pytest

from enforcer.contract.strict_json import JsonObject, JsonValue
from enforcer.discovery import look
from enforcer.mcp.upstream.base import UpstreamRequest
from enforcer.pipeline.decide import decide_call
from enforcer.pipeline.know_tools import know_tools
from tests.enforcer.pipeline.parts import Bench


async def silence(request: UpstreamRequest) -> AsyncIterator[JsonObject]:
    await asyncio.get_running_loop().create_future()
    yield request.message


async def pages_without_end(request: UpstreamRequest) -> AsyncIterator[JsonObject]:
    tool: JsonValue = {"name": "fs_read", "description": "x" * 100_000}
    if "id" in request.message:
        cursor = str(request.message["id"])
        yield {"jsonrpc": "2.0", "id": cursor, "result": {"tools": [tool], "nextCursor": cursor}}


async def details(bench: Bench, callers: int) -> list[str]:
    async def one() -> str:
        tx = bench.call()
        assert await decide_call(bench.gate, tx) is None
        await know_tools(bench.gate, tx)
        assert tx.verdict is not None
        return tx.verdict.detail

    return await asyncio.gather(*(one() for _ in range(callers)))


async def test_concurrent_first_calls_list_once() -> None:
    bench = Bench()
    assert await details(bench, 5) == [""] * 5
    assert len(bench.server.seen) == 1


async def test_the_whole_list_has_one_deadline_and_who_waited_for_it_does_not_wait_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(look, "TIMEOUT_S", 0.1)
    bench = Bench(silence)
    async with asyncio.timeout(1):
        assert await details(bench, 8) == ["not sent: its tools can't be listed, upstream_timeout"] * 8
    assert len(bench.server.seen) == 1
    await details(bench, 1)
    assert len(bench.server.seen) == 2  # who comes later tries again


async def test_all_pages_together_have_one_size() -> None:
    bench = Bench(pages_without_end, {"max_response_bytes": 1_000_000})
    assert "upstream_invalid" in (await details(bench, 1))[0]
    assert len(bench.server.seen) < 25
