"""What the demo shows, through the official MCP client. Every step is checked; one that fails ends it."""

import asyncio
import re
import time
from typing import Any

from mcp import Client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult

from controlplane.embedded.demo.agent import client_of
from controlplane.embedded.demo.processes import FailedError
from controlplane.embedded.demo.scene import Scene


async def tell(scene: Scene) -> None:
    """The story of CONTRACTS section 1; raises `FailedError` where a step does not hold."""
    ada, grace = scene.tokens["ada"], scene.tokens["grace"]
    repo = {"repo_path": str(scene.repository)}
    scene.say("")
    await _lists(scene, ada, grace)
    await _allowed(scene, ada, {**repo, "revision": "HEAD"})
    await _refused_without_token(scene)
    await _refused(scene, ada, "git_create_branch", {**repo, "branch_name": "x"}, "DENY_NO_MATCHING_RULE")
    await _refused(scene, ada, "git_status", {**repo, "force": True}, "DENY_UNKNOWN_FIELDS")
    await _refused(scene, ada, "git_status", {"repo_path": "../../../etc"}, "DENY_PATH_TRAVERSAL")
    await _switch(scene, ada, {**repo, "revision": "HEAD"})
    await _receipts(scene)


async def _lists(scene: Scene, ada: str, grace: str) -> None:
    hers, graces = await asyncio.gather(_list(scene, ada), _list(scene, grace))
    scene.say(f"ada sees on git: {', '.join(hers)}")
    scene.say(f"grace sees on git: {', '.join(graces)}")
    _hold(hers == ["git_show", "git_status"], hers)
    _hold(graces == ["git_create_branch", "git_show", "git_status"], graces)


async def _list(scene: Scene, token: str) -> list[str]:
    async with client_of(scene.gates["git"], token) as client:
        return sorted(tool.name for tool in (await client.list_tools()).tools)


async def _allowed(scene: Scene, token: str, arguments: dict[str, Any]) -> None:
    (shown, took), (clock, _) = await asyncio.gather(
        _measured(scene, "git", token, "git_show", arguments),
        _measured(scene, "time", token, "get_current_time", {"timezone": "UTC"}),
    )
    _hold(not shown.is_error and "The first commit" in getattr(shown.content[0], "text", ""), shown)
    _hold(not clock.is_error, clock)
    _, again = await _measured(scene, "git", token, "git_show", arguments)
    scene.say(f"ada calls git_show: allowed in {took:.1f} ms with the server's start, then in {again:.1f} ms")
    scene.say("ada calls get_current_time on the other gate: allowed")


async def _measured(
    scene: Scene, server: str, token: str, tool: str, arguments: dict[str, Any]
) -> tuple[CallToolResult, float]:
    """The result, and the milliseconds that the call took."""
    async with client_of(scene.gates[server], token) as client:
        start = time.perf_counter()
        result = await client.call_tool(tool, arguments)
        return result, (time.perf_counter() - start) * 1000


async def _refused_without_token(scene: Scene) -> None:
    async with create_mcp_http_client() as http:
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        answer = await http.post(
            scene.gates["git"], json=body, headers={"Accept": "application/json, text/event-stream"}
        )
    data = answer.json()["error"]["data"]
    _hold(answer.status_code == 401 and "DENY_NO_AUTHN" in data["reason_codes"], data)
    scene.say(f"somebody without a token: 401 {_sentence(data)}")


async def _refused(scene: Scene, token: str, tool: str, arguments: dict[str, Any], code: str) -> None:
    async with client_of(scene.gates["git"], token) as client:
        data = await _refusal(client, tool, arguments)
    _hold(data is not None and code in data["reason_codes"], data)
    scene.say(f"ada calls {tool}: {_sentence(data)}")


async def _switch(scene: Scene, token: str, arguments: dict[str, Any]) -> None:
    target = "tool:git/git_show"
    raised = await scene.manage("kill", "raise", target, "--reason", "showing the switch")
    found = re.search(r"converged (\d+) of (\d+) in ([0-9.]+ ms)", raised)
    if found is None or found.group(1) != found.group(2):
        raise FailedError(f"the kill did not converge:\n{raised}")
    scene.say(f"kill switch on {target}: {found.group(1)} of {found.group(2)} gates confirmed in {found.group(3)}")
    await _refused(scene, token, "git_show", arguments, "DENY_KILL_SWITCH")
    await scene.manage("kill", "lower", target, "--reason", "shown")
    async with client_of(scene.gates["git"], token) as client:
        result = await client.call_tool("git_show", arguments)
    _hold(not result.is_error, result)
    scene.say("switch lowered: ada calls git_show: allowed again")


async def _receipts(scene: Scene) -> None:
    verified = (await scene.manage("receipts", "verify", "--settle", "20")).strip().splitlines()[-1]
    _hold(bool(re.fullmatch(r"\d+ receipts, chain verified", verified)), verified)
    scene.say(verified)


async def _refusal(client: Client, tool: str, arguments: dict[str, Any]) -> dict[str, Any] | None:
    try:
        await client.call_tool(tool, arguments)
    except MCPError as refusal:
        return dict(refusal.data or {})
    return None


def _sentence(data: dict[str, Any] | None) -> str:
    assert data is not None
    return f"{data['reason_codes'][0]}: {data['message']} {data['remedy']}"


def _hold(holds: bool, seen: object) -> None:
    if not holds:
        raise FailedError(f"a step of the story did not hold; seen: {seen!r}")
