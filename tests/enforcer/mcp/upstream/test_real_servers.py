"""Servers that nobody here wrote, in both eras: over stdio inside the sandbox, and over HTTP."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from enforcer.contract.levels import TrustLevel
from enforcer.contract.strict_json import JsonObject
from enforcer.mcp.upstream.base import Upstream, UpstreamFailure, UpstreamRequest
from enforcer.mcp.upstream.http import HttpUpstream
from enforcer.mcp.upstream.stdio import StdioUpstream
from enforcer.sandbox.launch import Command, Host, launch_plan
from enforcer.sandbox.plan import LaunchPlan, SandboxPolicy
from enforcer.sandbox.probe import ProbeResult
from tests.enforcer.mcp.upstream.conftest import LOOPBACK
from tests.enforcer.mcp.upstream.requests import a_modern_request, a_request, messages_of, session_of
from tests.support.needs import need_bubblewrap

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
DEAF = """
import signal, sys
sys.stdin.readline()
print('{"jsonrpc":"2.0","id":"r1","result":{}}', flush=True)
while True:
    signal.pause()
"""


@pytest.fixture(scope="module")
def sandbox() -> ProbeResult:
    return need_bubblewrap()


def a_plan(sandbox: ProbeResult, tmp_path: Path, *argv: str) -> LaunchPlan:
    for name in ("data", "workspace"):
        (tmp_path / name).mkdir(exist_ok=True)
    plan = launch_plan(
        Command(argv),
        workspace=tmp_path / "workspace",
        trust=TrustLevel.COMMUNITY,
        policy=SandboxPolicy("workspace_only", "allowlist"),
        host=Host(sandbox, tmp_path / "data", Path.home()),
    )
    assert isinstance(plan, LaunchPlan), plan
    return plan


async def tools_in_both_eras(upstream: Upstream) -> list[set[str]]:
    modern = await messages_of(upstream, a_modern_request("tools/list"))
    session_id = await session_of(upstream)
    legacy = await messages_of(upstream, a_request("tools/list", id="r2", owner="session", session_id=session_id))
    return [names_of(modern[-1]), names_of(legacy[-1])]


def names_of(answer: JsonObject) -> set[str]:
    result = answer["result"]
    assert isinstance(result, dict)
    assert isinstance(result["tools"], list)
    return {str(tool["name"]) for tool in result["tools"] if isinstance(tool, dict)}


async def text_of(upstream: Upstream, request: UpstreamRequest) -> str:
    result = (await messages_of(upstream, request))[-1]["result"]
    assert isinstance(result, dict)
    assert not result.get("isError"), result
    return str(result["content"])


async def test_the_time_server_tells_the_time_from_inside_the_sandbox(sandbox: ProbeResult, tmp_path: Path) -> None:
    upstream = StdioUpstream("time", a_plan(sandbox, tmp_path, str(BIN / "mcp-server-time"), "--local-timezone", "UTC"))
    assert await tools_in_both_eras(upstream) == [{"get_current_time", "convert_time"}] * 2
    arguments: JsonObject = {"name": "get_current_time", "arguments": {"timezone": "UTC"}}
    assert "datetime" in await text_of(upstream, a_modern_request("tools/call", arguments))
    await upstream.close()


async def test_the_git_server_reads_its_workspace_from_inside_the_sandbox(sandbox: ProbeResult, tmp_path: Path) -> None:
    workspace = str(tmp_path / "workspace")
    plan = a_plan(sandbox, tmp_path, str(BIN / "mcp-server-git"), "--repository", workspace)
    git = shutil.which("git")
    assert git, "needs git"
    subprocess.run([git, "init", "--quiet", workspace], check=True)  # noqa: ASYNC221 - before anything runs
    upstream = StdioUpstream("git", plan)
    modern, legacy = await tools_in_both_eras(upstream)
    assert modern == legacy
    arguments: JsonObject = {"name": "git_status", "arguments": {"repo_path": workspace}}
    assert "No commits yet" in await text_of(upstream, a_modern_request("tools/call", arguments, id="r3"))
    await upstream.close()


@pytest.fixture(params=["sse", "json"])
def sdk_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The official SDK behind HTTP, answering as streams or as plain JSON."""
    command = [sys.executable, str(HERE / "sdk_server.py"), f"--{request.param}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}/mcp"
        process.kill()


async def test_the_official_sdk_answers_over_http_in_both_eras(sdk_url: str) -> None:
    upstream = HttpUpstream(sdk_url, fetch_allow=[LOOPBACK])
    assert await tools_in_both_eras(upstream) == [{"greet", "climb"}] * 2
    greet = a_modern_request("tools/call", {"name": "greet", "arguments": {"name": "ada"}})
    assert "Hello ada" in await text_of(upstream, greet)
    with pytest.raises(UpstreamFailure) as caught:
        await messages_of(upstream, a_request(session_id="no-such-session"))
    assert caught.value.session_lost
    await upstream.close()


async def test_progress_of_the_official_sdk_comes_before_the_result(sdk_url: str) -> None:
    upstream = HttpUpstream(sdk_url, fetch_allow=[LOOPBACK])
    session_id = await session_of(upstream)
    params: JsonObject = {"name": "climb", "arguments": {}, "_meta": {"progressToken": "p1"}}
    request = a_request("tools/call", params, session_id=session_id)
    legacy = UpstreamRequest(
        request.message, request.owner, "2025-11-25", 20, 1_000_000, request.headers, request.session_id
    )
    *before, last = await messages_of(upstream, legacy)
    assert "result" in last
    assert {message["method"] for message in before} <= {"notifications/progress"}
    await upstream.close()


@pytest.mark.parametrize("sandboxed", [True, False])
def test_a_server_that_listens_to_nothing_dies_with_a_gate_that_was_killed(
    sandbox: ProbeResult, tmp_path: Path, sandboxed: bool
) -> None:
    marker = str(tmp_path)
    command: tuple[str, ...] = (sys.executable, "-c", DEAF, marker)
    if sandboxed:
        command = a_plan(sandbox, tmp_path, *command).argv
    keeper = [sys.executable, str(HERE / "keeper.py"), *command]
    environment = {**os.environ, "PYTHONPATH": str(HERE.parents[3])}
    with subprocess.Popen(keeper, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout
        assert process.stdout.readline() == "up\n"
        assert len(processes_with(marker)) > 1
        process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while processes_with(marker) and time.monotonic() < deadline:
        time.sleep(0.02)
    left = processes_with(marker)
    for pid in left:
        os.kill(int(pid), signal.SIGKILL)
    assert left == []


def processes_with(marker: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if marker.encode() in path.read_bytes():
                found.append(path.parent.name)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found
