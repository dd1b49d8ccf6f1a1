"""`enforcer stdio`: the official client launches the gate as it would the server."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.shared.exceptions import MCPError

from tests.support.bench import lines_of, open_bench
from tests.support.processes import wait_for
from tests.support.system import BIN, System, running

META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "lines", "version": "1"},
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with running(tmp_path_factory.mktemp("stdio")) as system:
        open_bench(system)
        yield system


@pytest.fixture
def file(bench: System, request: pytest.FixtureRequest) -> Path:
    """An enforcer of its own for each test, with ada's token beside its key."""
    behind = bench.gates["gate"].file.read_text().split("[[upstream]]")[1]
    url = next(line.split('"')[1] for line in behind.splitlines() if line.startswith("url"))
    name = f"pipes-{abs(hash(request.node.name)) % 10_000}"
    made = bench.enroll(name, "ledger", upstream=url)
    token = bench.home / name / "client.token"
    token.write_text(bench.token("ada") + "\n")
    token.chmod(0o600)
    return made


def talk(bench: System, file: Path, *messages: Any) -> list[dict[str, Any]]:
    """Write all lines, close, read what came back."""
    lines = [each if isinstance(each, bytes) else json.dumps(each).encode() for each in messages]
    done = subprocess.run(
        [BIN / "enforcer", "stdio", file],
        input=b"\n".join(lines) + b"\n", capture_output=True, timeout=60, check=False, env=bench.env,
    )  # fmt: skip
    assert done.returncode == 0, done
    return [json.loads(line) for line in done.stdout.splitlines()]


def call(number: int, tool: str, **arguments: Any) -> dict[str, Any]:
    params = {"name": tool, "arguments": arguments, "_meta": META}
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}


@asynccontextmanager
async def client(bench: System, file: Path, mode: str) -> AsyncIterator[Client]:
    server = StdioServerParameters(command=str(BIN / "enforcer"), args=["stdio", str(file)], env=bench.env)
    async with Client(stdio_client(server), mode=mode) as made:
        yield made


@pytest.mark.parametrize("mode", ["2026-07-28", "legacy"])
async def test_the_official_client_lists_calls_and_is_refused(bench: System, file: Path, mode: str) -> None:
    async with asyncio.timeout(60), client(bench, file, mode) as made:
        listed = await made.list_tools()
        assert [tool.name for tool in listed.tools] == ["note", "other"]
        done = await made.call_tool("note", {"nonce": f"stdio-{mode}"})
        assert done.content[0].text == f"stdio-{mode}"
        with pytest.raises(MCPError, match="does not declare"):
            await made.call_tool("note", {"nonce": "x", "more": True})
    assert f"stdio-{mode}" in lines_of(bench.home / "ledger")


def test_every_request_of_a_closed_pipe_is_answered_and_leaves_its_receipt(bench: System, file: Path) -> None:
    answers = talk(bench, file, call(1, "note", nonce="p1"), call(2, "missing"), b"{", call(3, "note", nonce="p3"))
    by_id = {answer.get("id"): answer for answer in answers}
    assert set(by_id) == {1, 2, 3, None}
    assert by_id[1]["result"]["content"][0]["text"] == "p1"
    assert by_id[2]["error"]["data"]["reason_codes"] == ["DENY_TOOL_NOT_FOUND"]
    assert by_id[None]["error"]["data"]["reason_codes"] == ["DENY_MALFORMED_REQUEST"]
    mine = wait_for(
        lambda: found if len(found := bench.receipts("--enforcer", file.stem, settle_s=0)) >= 4 else None,
        "four receipts", timeout_s=30,
    )  # fmt: skip
    results = sorted(line["decision"]["result"] for line in mine if "decision" in line)
    assert results == ["allow", "allow", "deny", "deny"]


def test_without_a_token_everything_is_refused(bench: System, file: Path) -> None:
    (bench.home / file.stem / "client.token").unlink()
    (answer,) = talk(bench, file, call(1, "note", nonce="no-token"))
    assert answer["error"]["code"] == -32001
    assert answer["error"]["data"]["reason_codes"] == ["DENY_NO_AUTHN"]
    assert "no-token" not in lines_of(bench.home / "ledger")


def test_a_line_beyond_the_limit_is_refused_and_the_next_one_read(bench: System, file: Path) -> None:
    answers = talk(bench, file, call(1, "note", nonce="x" * 1_100_000), call(2, "note", nonce="after"))
    assert {answer.get("id"): "error" in answer for answer in answers} == {None: True, 2: False}
    assert answers[0]["error"]["data"]["reason_codes"] == ["DENY_PAYLOAD_TOO_LARGE"]


def test_a_kill_is_heard_while_the_client_talks(bench: System, file: Path) -> None:
    process = subprocess.Popen(
        [BIN / "enforcer", "stdio", file], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=bench.env
    )
    assert process.stdin is not None
    assert process.stdout is not None

    def say(message: dict[str, Any]) -> dict[str, Any]:
        process.stdin.write(json.dumps(message).encode() + b"\n")  # type: ignore[union-attr]
        process.stdin.flush()  # type: ignore[union-attr]
        answer: dict[str, Any] = json.loads(process.stdout.readline())  # type: ignore[union-attr]
        return answer

    try:
        assert "result" in say(call(1, "note", nonce="before"))
        done = bench.manage("kill", "raise", "enforcer:" + file.stem, "--reason", "test")
        assert done.code in (0, 1), done  # others of this module are gone by now
        codes = say(call(2, "note", nonce="killed"))["error"]["data"]["reason_codes"]
        assert codes[0] == "DENY_KILL_SWITCH"
        process.stdin.close()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        bench.manage("kill", "lower", "enforcer:" + file.stem, "--reason", "over", "--timeout", "1")


def test_the_snippet_is_what_a_client_s_configuration_holds(bench: System, file: Path) -> None:
    done = bench.enforcer("stdio", str(file), "--print-config")
    assert done.code == 0
    told = json.loads(done.out)["mcpServers"]["ledger"]
    assert told["args"] == ["stdio", str(file)]
    assert Path(told["command"]).name == "enforcer"
