from collections.abc import AsyncIterator

import pytest

from enforcer.contract.strict_json import JsonObject
from enforcer.discovery.lister import Lister
from enforcer.mcp.upstream.base import UpstreamFailure, UpstreamRequest
from tests.enforcer.pipeline.parts import SCHEMA, FakeServer

LIVE: JsonObject = {"name": "fs_read", "inputSchema": SCHEMA}
MOST = 1_000_000


async def in_pages(request: UpstreamRequest) -> AsyncIterator[JsonObject]:
    params = request.message["params"]
    assert isinstance(params, dict)
    cursor = str(params.get("cursor", "0"))
    result: JsonObject = {"tools": [{**LIVE, "name": f"tool_{cursor}"}]}
    if cursor != "2":
        result["nextCursor"] = str(int(cursor) + 1)
    yield {"jsonrpc": "2.0", "id": request.message["id"], "result": result}


async def only_after_a_handshake(request: UpstreamRequest) -> AsyncIterator[JsonObject]:
    if "id" not in request.message:
        return
    if request.protocol_version == "2026-07-28":
        yield {"jsonrpc": "2.0", "id": request.message["id"], "error": {"code": -32600, "message": "no"}}
    else:
        yield {"jsonrpc": "2.0", "id": request.message["id"], "result": {"tools": [LIVE]}}


def methods(server: FakeServer) -> list[object]:
    return [request.message["method"] for request in server.seen]


async def test_every_page_is_read_in_its_order() -> None:
    found = await Lister().all_tools(FakeServer(in_pages), MOST)
    assert [tool["name"] for tool in found] == ["tool_0", "tool_1", "tool_2"]


async def test_a_server_of_the_handshake_era_is_not_asked_to_begin_anew_for_each_list() -> None:
    server, lister = FakeServer(only_after_a_handshake), Lister()
    for _ in range(3):
        assert await lister.all_tools(server, MOST) == [LIVE]
    assert methods(server) == ["tools/list", "initialize", "notifications/initialized", *["tools/list"] * 3]


async def test_a_lost_session_is_opened_again_at_once() -> None:
    lost = False

    async def answers(request: UpstreamRequest) -> AsyncIterator[JsonObject]:
        nonlocal lost
        if lost:
            lost = False
            raise UpstreamFailure("unavailable", "the process is gone", sent=False, session_lost=True)
        async for message in only_after_a_handshake(request):
            yield message

    server, lister = FakeServer(answers), Lister()
    await lister.all_tools(server, MOST)
    lost = True
    assert await lister.all_tools(server, MOST) == [LIVE]
    assert methods(server).count("initialize") == 2


async def test_a_server_that_speaks_no_era_is_a_failure() -> None:
    async def nothing(request: UpstreamRequest) -> AsyncIterator[JsonObject]:
        yield {"jsonrpc": "2.0", "id": request.message.get("id"), "error": {"code": -32601, "message": "no"}}

    with pytest.raises(UpstreamFailure, match="no result of tools/list"):
        await Lister().all_tools(FakeServer(nothing), MOST)
