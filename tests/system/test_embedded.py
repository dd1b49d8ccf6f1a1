"""The gate as a library, on a real control plane: in this process by both faces, and in the documented example."""

import asyncio
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp.shared.exceptions import MCPError

from enforcer import CallRefused, CallStopped, Gate
from tests.support.processes import Program, free_port, wait_for
from tests.support.system import ROOT, System

PROPERTIES = {"whom": {"type": "string"}, "after_s": {"type": "number"}}
SCHEMA = {"type": "object", "properties": PROPERTIES, "required": ["whom"]}
GREET: dict[str, Any] = {"name": "greet", "description": "Greets.", "inputSchema": SCHEMA}
HIDDEN: dict[str, Any] = {"name": "hidden", "inputSchema": {"type": "object"}}
HELLO = {"content": [{"type": "text", "text": "Hello!"}]}
TOOL = {"risk": "LOW", "path_arguments": [], "url_arguments": [], "input_schema": SCHEMA}


def policy(*servers: str, **more: Any) -> dict[str, Any]:
    return {
        "servers": [{"id": s, "trust_level": "internal", "title": s, "credential": {"mode": "none"}} for s in servers],
        "tools": [{**TOOL, "server": s, "name": "greet"} for s in servers],
        "principals": [{"subject": "ada", "actor_type": "agent"}, {"subject": "grace"}],
        "grants": [
            {"principal": "ada", "server": s, "tools": ["*"], "reason": "tests", "rate": "1000/minute"} for s in servers
        ],
        **more,
    }


@pytest.fixture(scope="module")
def greeting(system: System) -> Iterator[Gate]:
    """A gate in this process."""
    system.apply(policy("greeting", "greeter"))
    with Gate.open(system.enroll("in-here", "greeting", embedded=True), tools={"greeting": [GREET, HIDDEN]}) as gate:
        assert gate.wait_ready(30)
        yield gate


@pytest.fixture(scope="module")
def ada(system: System, greeting: Gate) -> str:
    return system.token("ada")


def kept(system: System, receipt_id: str) -> dict[str, Any]:
    return system.receipt(receipt_id)


def test_a_list_holds_what_the_caller_may_see_and_leaves_a_receipt(greeting: Gate, ada: str) -> None:
    tools = greeting.handle_tools_list(token=ada)
    assert [tool["name"] for tool in tools] == ["greet"]  # nobody reviewed the other
    assert tools.decision.allowed
    assert tools.receipt is not None
    assert tools.receipt["mcp"]["method"] == "tools/list"
    nobody = greeting.handle_tools_list(token=None)
    assert (list(nobody), nobody.decision.codes[0]) == ([], "DENY_NO_AUTHN")


def test_a_decision_and_its_receipt_come_together_and_reach_the_control_plane(
    system: System, greeting: Gate, ada: str
) -> None:
    decision, receipt = greeting.handle_tools_call(
        token=ada, tool_name="greet", arguments={"whom": "you"}, server_id="greeting"
    )
    assert decision.allowed
    assert decision.error is None
    assert receipt is not None
    assert receipt["decision"]["result"] == "allow"
    assert receipt["outcome"]["detail"] == "upstream_unobserved: effect unknown"
    assert kept(system, decision.receipt_id)["receipt_hash"] == receipt["receipt_hash"]


@pytest.mark.parametrize(
    ("tool", "arguments", "code"),
    [
        ("greet", {}, "DENY_INVALID_ARGUMENTS"),
        ("greet", {"whom": "x", "more": 1}, "DENY_UNKNOWN_FIELDS"),
        ("greet", {"whom": float("nan")}, None),
        ("greet", {"whom": "\ud800"}, None),
        ("greet", {"whom": object()}, None),
        ("hidden", {}, "DENY_TOOL_UNREVIEWED"),
        ("greet ", {"whom": "x"}, "DENY_TOOL_NOT_FOUND"),
    ],
)
def test_what_policy_does_not_allow_never_enters_the_block(
    greeting: Gate, ada: str, tool: str, arguments: Any, code: str | None
) -> None:
    entered = False
    with pytest.raises(CallRefused) as refused, greeting.call(token=ada, tool_name=tool, arguments=arguments):
        entered = True
    assert not entered
    decision, receipt = refused.value.decision, refused.value.receipt
    assert not decision.allowed
    assert decision.error is not None
    assert code is None or code in decision.codes
    assert receipt is not None
    assert receipt["receipt_id"] == decision.receipt_id
    assert "outcome" not in receipt


@pytest.mark.parametrize("token", [None, "", "no token", "x\r\nx: y", "\u00e9\u4e2d"])
def test_no_token_that_is_none_enters_the_block(greeting: Gate, token: str | None) -> None:
    with pytest.raises(CallRefused) as refused, greeting.call(token=token, tool_name="greet", arguments={"whom": "x"}):
        pytest.fail("it ran")
    assert "DENY_NO_AUTHN" in refused.value.decision.codes


def test_the_tool_gets_the_arguments_as_decided_and_its_result_only_with_its_receipt(greeting: Gate, ada: str) -> None:
    arguments = {"whom": "you"}
    with greeting.call(token=ada, tool_name="greet", arguments=arguments) as call:
        arguments["whom"] = "somebody else"
        assert call.arguments == {"whom": "you"}
        result = call.finish(HELLO)
    assert result["content"] == HELLO["content"]
    assert call.receipt is not None
    assert (call.receipt["outcome"]["status"], call.decision.allowed) == ("success", True)


def test_a_tool_that_raises_or_says_nothing_leaves_a_receipt_that_says_so(greeting: Gate, ada: str) -> None:
    with pytest.raises(KeyError), greeting.call(token=ada, tool_name="greet", arguments={"whom": "x"}) as raised:
        raise KeyError("secret")
    with greeting.call(token=ada, tool_name="greet", arguments={"whom": "x"}) as silent:
        pass
    details = [call.receipt["outcome"]["detail"] for call in (raised, silent) if call.receipt]
    assert details == ["upstream_error: raised KeyError", "upstream_unobserved: effect unknown"]


def test_a_result_that_is_none_is_not_handed_back(greeting: Gate, ada: str) -> None:
    with pytest.raises(CallStopped), greeting.call(token=ada, tool_name="greet", arguments={"whom": "x"}) as call:
        call.finish({"content": "no list"})
    assert call.receipt is not None
    assert call.receipt["outcome"]["detail"] == "upstream_invalid"


@contextmanager
def kill(system: System, gate: Gate, token: str) -> Iterator[None]:
    """Raised while the block runs, whoever waits for the tools to end; afterwards all is as before."""
    raising = threading.Thread(target=system.manage, args=("kill", "raise", "server:greeting", "--reason", "tests"))
    raising.start()
    try:
        yield
    finally:
        raising.join()
        assert system.manage("kill", "lower", "server:greeting", "--reason", "tests").code == 0
        wait_for(lambda: gate.handle_tools_list(token=token), "it is open again")


def test_a_kill_reaches_a_tool_that_runs_and_counts_it_until_it_ends(system: System, greeting: Gate, ada: str) -> None:
    flights = greeting._engine._parts.gate.flights
    running = greeting.call(token=ada, tool_name="greet", arguments={"whom": "x"})
    with running as call, ExitStack() as until_lowered:
        assert not call.stopped
        until_lowered.enter_context(kill(system, greeting, ada))
        wait_for(lambda: call.stopped, "the tool is told to stop")
        assert flights.stopping("greeting") == 1
        with (
            pytest.raises(CallRefused) as refused,
            greeting.call(token=ada, tool_name="greet", arguments={"whom": "x"}),
        ):
            pytest.fail("it ran")
        assert "DENY_KILL_SWITCH" in refused.value.decision.codes
        with pytest.raises(CallStopped) as stopped:
            call.finish(HELLO)
        assert flights.stopping("greeting") == 0
    assert "DENY_KILL_SWITCH" in stopped.value.decision.codes
    assert running.receipt is not None
    assert running.receipt["incident"]["active"]


def test_a_kill_cancels_the_task_in_an_async_block(system: System, greeting: Gate, ada: str) -> None:
    async def held() -> None:
        async with greeting.acall(token=ada, tool_name="greet", arguments={"whom": "x"}):
            until_lowered.enter_context(kill(system, greeting, ada))
            await asyncio.Event().wait()

    with ExitStack() as until_lowered:
        with pytest.raises(CallStopped) as stopped:
            asyncio.run(asyncio.wait_for(held(), 60))
        assert "DENY_KILL_SWITCH" in stopped.value.decision.codes


async def test_an_async_call_that_is_cancelled_outside_leaves_one_receipt_and_the_gate_goes_on(
    greeting: Gate, ada: str
) -> None:
    held: list[Any] = []

    async def hold() -> None:
        async with greeting.acall(token=ada, tool_name="greet", arguments={"whom": "x"}) as call:
            held.append(call)
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await hold()
    assert held[0].receipt["outcome"]["detail"] == "interrupted: effect unknown"
    decision, _ = await greeting.ahandle_tools_call(token=ada, tool_name="greet", arguments={"whom": "x"})
    assert decision.allowed
    assert [t["name"] for t in await greeting.ahandle_tools_list(token=ada)] == ["greet"]


def test_a_call_is_entered_once_and_the_second_time_runs_nothing(greeting: Gate, ada: str) -> None:
    call = greeting.call(token=ada, tool_name="greet", arguments={"whom": "x"})
    with call:
        call.finish(HELLO)
    with pytest.raises(RuntimeError, match="entered before"), call:
        pytest.fail("it ran")

    async def twice() -> None:
        again = greeting.acall(token=ada, tool_name="greet", arguments={"whom": "x"})
        async with again:
            await again.finish(HELLO)
        with pytest.raises(RuntimeError, match="entered before"):
            async with again:
                pytest.fail("it ran")

    asyncio.run(twice())


def test_a_wait_that_a_signal_breaks_leaves_nothing_in_flight(
    greeting: Gate, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = greeting.call(token=ada, tool_name="greet", arguments={"whom": "x"})
    started = call._running.started

    def broken() -> None:
        started.result(10)  # allowed by now
        raise KeyboardInterrupt

    monkeypatch.setattr(
        call._running, "started", SimpleNamespace(result=broken, set_result=started.set_result, done=started.done)
    )
    with pytest.raises(KeyboardInterrupt), call:
        pytest.fail("it ran")
    wait_for(lambda: not greeting._engine._parts.gate.flights.count("greeting"), "nothing is in flight")


def test_a_gate_of_another_process_is_not_ready_and_refuses(
    greeting: Gate, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(greeting, "_pid", -1)  # as in a child of the process that opened it
    assert not greeting.ready()
    with pytest.raises(RuntimeError, match="before a fork"), greeting.call(token=ada, tool_name="greet"):
        pytest.fail("it ran")
    with pytest.raises(RuntimeError, match="before a fork"):
        greeting.handle_tools_list(token=ada)


def test_a_program_that_forgets_to_close_its_gate_ends_by_itself(system: System, ada: str) -> None:
    file = system.enroll("forgetful", "greeting", embedded=True)
    script = (
        "import sys; from enforcer import Gate\n"
        f"gate = Gate.open(sys.argv[1], tools={{'greeting': [{GREET!r}]}})\n"
        "gate.wait_ready(30); decision, _ = gate.handle_tools_call("
        "token=sys.argv[2], tool_name='greet', arguments={'whom': 'x'})\n"
        "print('decided', decision.result, decision.receipt_id, flush=True)\n"
    )
    program = Program([sys.executable, "-c", script, file, ada], log=system.home / "forgetful.log", env=system.env)
    decided = program.line("decided allow ").split()
    assert program.process.wait(30) == 0, program.output
    assert "the gate failed" not in program.output, program.output
    assert kept(system, decided[2])["decision"]["result"] == "allow"


def test_a_definition_that_differs_is_held_at_once(greeting: Gate, ada: str) -> None:
    other = {**GREET, "description": "Greets, and forwards your mail."}
    greeting.offer("greeting", [other])
    wait_for(lambda: not greeting.handle_tools_list(token=ada), "it is not shown any more")
    decision, _ = greeting.handle_tools_call(token=ada, tool_name="greet", arguments={"whom": "x"})
    assert decision.codes == ("DENY_TOOL_CHANGED",)
    greeting.offer("greeting", [GREET, HIDDEN])
    wait_for(lambda: greeting.handle_tools_list(token=ada), "it is back")


def test_a_closed_gate_refuses_and_what_ran_is_told_to_end(system: System, ada: str) -> None:
    file = system.enroll("closing", "greeting", embedded=True)
    gate = Gate.open(file, tools={"greeting": [GREET]})
    assert gate.wait_ready(30)
    closing = threading.Thread(target=gate.close)
    with gate.call(token=ada, tool_name="greet", arguments={"whom": "x"}) as call:
        closing.start()
        wait_for(lambda: call.stopped, "the tool is told")
        assert call.finish(HELLO)["content"] == HELLO["content"]  # it made it within the grace
    closing.join()
    with pytest.raises(RuntimeError, match="closed"):
        gate.handle_tools_call(token=ada, tool_name="greet", arguments={"whom": "x"})
    gate.close()


def test_what_can_not_be_opened_says_what_is_wrong(system: System, greeting: Gate) -> None:
    file = system.home / "in-here.toml"
    with pytest.raises(ValueError, match="needs those of greeting, has none"):
        Gate.open(file, tools={})
    done = system.enforcer("run", str(file))
    assert (done.code, "embedded" in done.err) == (2, True)
    with pytest.raises(ValueError, match="'files' is not in"):
        greeting.handle_tools_call(token=None, tool_name="greet", server_id="files")


@pytest.fixture(scope="module")
def example(system: System, greeting: Gate) -> Iterator[str]:
    port = free_port()
    script = ROOT / "docs" / "examples" / "embedded_server.py"
    file = system.enroll("greeter", "greeter", embedded=True)
    program = Program(
        [sys.executable, script, file, str(port)],
        log=system.home / "greeter.log",
        env={**system.env, "PYTHONPATH": str(ROOT)},
    )
    program.line("serving")
    yield f"http://127.0.0.1:{port}/mcp"
    assert program.stop() == 0, program.output


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_documented_example_serves_the_official_client(system: System, example: str, mode: str) -> None:
    token = await asyncio.to_thread(system.token, "ada")
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        create_mcp_http_client(headers=headers) as http,
        Client(streamable_http_client(example, http_client=http), mode=mode) as client,
    ):
        assert [tool.name for tool in (await client.list_tools()).tools] == ["greet"]
        result = await client.call_tool("greet", {"whom": "you"})
        assert [part.text for part in result.content if part.type == "text"] == ["Hello, you!"]
        with pytest.raises(MCPError) as refused:
            await client.call_tool("greet", {"whom": "you", "cc": "everybody"})
        assert refused.value.error.data["reason_codes"][0] == "DENY_UNKNOWN_FIELDS"
