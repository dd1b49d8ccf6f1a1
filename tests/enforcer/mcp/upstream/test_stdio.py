import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from enforcer.contract.strict_json import JsonObject
from enforcer.mcp.upstream.base import UpstreamFailure, UpstreamRequest
from enforcer.mcp.upstream.stdio import StdioUpstream
from enforcer.sandbox.plan import LaunchPlan
from tests.enforcer.mcp.upstream.requests import INITIALIZE, a_request, messages_of, session_of

PUPPET = str(Path(__file__).with_name("puppet.py"))
NOTE: JsonObject = {"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info"}}

Opener = Callable[..., StdioUpstream]


def plan(*argv: str) -> LaunchPlan:
    return LaunchPlan(argv, {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}, "/", "none", "none")


@pytest.fixture
async def open_upstream() -> AsyncIterator[Opener]:
    """Open upstreams of puppets; all are closed at the end."""
    opened: list[StdioUpstream] = []

    def launch(*, argv: tuple[str, ...] = (), idle_s: float = 60.0, max_children: int = 8) -> StdioUpstream:
        command = plan(*(argv or (sys.executable, "-I", "-S", PUPPET)))
        opened.append(StdioUpstream("puppet", command, idle_s=idle_s, max_children=max_children))
        return opened[-1]

    yield launch
    await asyncio.gather(*(upstream.close() for upstream in opened))


@pytest.fixture
async def upstream(open_upstream: Opener) -> StdioUpstream:
    return open_upstream()


async def result_of(upstream: StdioUpstream, request: UpstreamRequest) -> JsonObject:
    result = (await messages_of(upstream, request))[-1]["result"]
    assert isinstance(result, dict)
    return result


async def pid_of(upstream: StdioUpstream, owner: str = "ada", session_id: str | None = None) -> int:
    facts = await result_of(upstream, a_request("facts", id="facts", owner=owner, session_id=session_id))
    assert isinstance(facts["pid"], int)
    return facts["pid"]


async def failure_of(upstream: StdioUpstream, request: UpstreamRequest) -> UpstreamFailure:
    with pytest.raises(UpstreamFailure) as caught:
        await messages_of(upstream, request)
    return caught.value


async def gone(pid: int) -> None:
    deadline = time.monotonic() + 10
    while not _has_ended(pid):
        assert time.monotonic() < deadline, f"process {pid} is still there"
        await asyncio.sleep(0.02)


def _has_ended(pid: int) -> bool:
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return True


def say(*messages: JsonObject | str, **more: str) -> UpstreamRequest:
    lines = [message if isinstance(message, str) else json.dumps(message) for message in messages]
    return a_request("say", {"lines": list(lines), **more})


async def test_a_request_is_answered_by_a_process_of_its_own_group(upstream: StdioUpstream) -> None:
    facts = await result_of(upstream, a_request("facts"))
    assert facts["pid"] == facts["group"] == facts["session"] != os.getpid()


async def test_a_process_gets_a_clean_environment_and_nothing_of_ours(
    upstream: StdioUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRAWBRIDGE_SECRET", "canary")
    inheritable = os.dup(0)
    os.set_inheritable(inheritable, True)
    facts = await result_of(upstream, a_request("facts"))
    os.close(inheritable)
    assert facts["environment"] == {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
    assert facts["descriptors"] == [0, 1, 2]
    assert facts["core"] == [0, 0]
    assert facts["files"] == 1024
    assert facts["cwd"] == "/"


async def test_a_message_is_one_ascii_line(upstream: StdioUpstream) -> None:
    await messages_of(upstream, a_request("echo", {"text": "\u2028é\n"}))
    facts = await result_of(upstream, a_request("facts"))
    assert facts["received"] == [
        '{"jsonrpc":"2.0","method":"echo","params":{"text":"\\u2028\\u00e9\\n"},"id":"r1"}\n',
        '{"jsonrpc":"2.0","method":"facts","params":{},"id":"r1"}\n',
    ]


async def test_calls_of_one_owner_share_a_process_and_each_gets_its_own_answer(upstream: StdioUpstream) -> None:
    requests = [a_request("echo", {"n": n}, id=f"r{n}") for n in range(50)]
    answers = await asyncio.gather(*(result_of(upstream, request) for request in requests))
    assert [answer["params"] for answer in answers] == [{"n": n} for n in range(50)]
    assert await pid_of(upstream) == await pid_of(upstream)


async def test_two_owners_never_share_a_process(upstream: StdioUpstream) -> None:
    assert await pid_of(upstream, "ada") != await pid_of(upstream, "grace")


async def test_a_request_id_that_is_in_flight_is_not_sent_again(upstream: StdioUpstream) -> None:
    async with upstream.exchange(a_request("hold")):
        failure = await failure_of(upstream, a_request("echo"))
    assert (failure.kind, failure.sent) == ("invalid", False)


async def test_messages_go_to_the_call_that_they_name(upstream: StdioUpstream) -> None:
    progress: JsonObject = {
        "jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": "p2", "progress": 1}
    }  # fmt: skip
    subscribed: JsonObject = {
        "jsonrpc": "2.0",
        "method": "notifications/tools/list_changed",
        "params": {"_meta": {"io.modelcontextprotocol/subscriptionId": "r2"}},
    }
    cancelled: JsonObject = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "r2"}}
    answers: list[JsonObject] = [{"jsonrpc": "2.0", "id": name, "result": {}} for name in ("r2", "r1")]
    async with (
        upstream.exchange(say(NOTE, progress, subscribed, cancelled, *answers)) as first,
        upstream.exchange(a_request("hold", {"_meta": {"progressToken": "p2"}}, id="r2")) as second,
    ):
        assert [message async for message in first][:1] == [NOTE]
        assert [message async for message in second] == [progress, subscribed, cancelled, answers[0]]


async def test_an_answer_nobody_waits_for_is_dropped(upstream: StdioUpstream) -> None:
    stray: JsonObject = {"jsonrpc": "2.0", "id": "r9", "result": {"of": "somebody else"}}
    answer: JsonObject = {"jsonrpc": "2.0", "id": "r1", "result": {}}
    assert await messages_of(upstream, say(stray, answer, answer)) == [answer]
    assert await messages_of(upstream, a_request("echo", id="r2"))


async def test_noise_on_stdout_is_ignored_and_logged_escaped(
    upstream: StdioUpstream, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answer: JsonObject = {"jsonrpc": "2.0", "id": "r1", "result": {}}
    noise = ["Server \x1b[31mready", "", '{"level":"info"}', "[1]", "\udcff"]
    assert await messages_of(upstream, say(*noise, answer)) == [answer]
    assert "\\x1b[31mready" in caplog.text
    assert "\x1b" not in caplog.text


@pytest.mark.parametrize(
    "line",
    [
        '{"jsonrpc":"2.0","id":"r1","id":"r1","result":{}}',
        '{"jsonrpc":"2.0","id":"r1","result":{},"method":"x"}',
        '{"jsonrpc":"2.0","id":"r1","result":{"x":NaN}}',
        '[{"jsonrpc":"2.0","id":"r1","result":{}}]',
    ],
)
async def test_a_message_that_can_be_read_in_two_ways_is_invalid(upstream: StdioUpstream, line: str) -> None:
    assert (await failure_of(upstream, say(line))).kind == "invalid"
    assert await messages_of(upstream, a_request("echo"))


async def test_a_line_over_the_limit_is_invalid_and_the_process_goes_on(upstream: StdioUpstream) -> None:
    pid = await pid_of(upstream)
    failure = await failure_of(upstream, a_request("big", {"size": 200_000}, max_response_bytes=100_000))
    assert failure.kind == "invalid"
    assert await messages_of(upstream, a_request("big", {"size": 99_000}, max_response_bytes=100_000))
    assert await pid_of(upstream) == pid


async def test_all_messages_of_a_call_count_against_its_limit(upstream: StdioUpstream) -> None:
    request = say(*[NOTE] * 50)
    limited = UpstreamRequest(request.message, "ada", "2025-11-25", 20, len(json.dumps(NOTE)) * 10)
    async with upstream.exchange(limited) as exchange:
        messages = aiter(exchange)
        assert [await anext(messages) for _ in range(10)] == [NOTE] * 10
        with pytest.raises(UpstreamFailure, match="more than"):
            await anext(messages)


async def test_silence_ends_at_the_timeout_and_cancels(upstream: StdioUpstream) -> None:
    assert (await failure_of(upstream, a_request("hold", timeout_s=0.1))).kind == "timeout"
    facts = await result_of(upstream, a_request("facts"))
    assert '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"r1"}}\n' in str_list(facts)


def str_list(facts: JsonObject) -> list[str]:
    assert isinstance(facts["received"], list)
    return [str(line) for line in facts["received"]]


async def test_leaving_early_cancels_and_a_finished_call_is_not_cancelled(upstream: StdioUpstream) -> None:
    async with upstream.exchange(a_request("hold", id="left")):
        pass
    await messages_of(upstream, a_request("echo", id="finished"))
    received = "".join(str_list(await result_of(upstream, a_request("facts"))))
    assert '"requestId":"left"' in received
    assert '"requestId":"finished"' not in received


async def test_initialize_is_never_cancelled(open_upstream: Opener) -> None:
    upstream = open_upstream()
    async with upstream.exchange(a_request("initialize", INITIALIZE, id="r0")):
        pass
    assert "cancelled" not in "".join(str_list(await result_of(upstream, a_request("facts"))))


async def test_a_notification_has_no_answer(upstream: StdioUpstream) -> None:
    assert await messages_of(upstream, a_request("notifications/initialized", id=None)) == []
    assert len(str_list(await result_of(upstream, a_request("facts")))) == 2


@pytest.mark.parametrize("method", ["die", "close_stdout", "fork_and_die"])
async def test_a_crash_fails_what_is_in_flight_and_the_next_request_starts_a_new_process(
    upstream: StdioUpstream, method: str
) -> None:
    pid = await pid_of(upstream)
    failures = await asyncio.gather(
        *(failure_of(upstream, a_request(name, id=name)) for name in ("hold", "hold2", method))
    )
    assert {(failure.kind, failure.sent) for failure in failures} == {("unavailable", True)}
    assert await pid_of(upstream) != pid


async def test_the_last_words_of_a_process_are_delivered(upstream: StdioUpstream) -> None:
    assert await result_of(upstream, a_request("answer_and_die")) == {"last": "words"}


async def test_a_session_belongs_to_its_process(upstream: StdioUpstream) -> None:
    session_id = await session_of(upstream, owner="s")
    assert session_id is not None
    assert await pid_of(upstream, "s", session_id)
    await failure_of(upstream, a_request("die", owner="s", session_id=session_id))
    lost = await failure_of(upstream, a_request("echo", owner="s", session_id=session_id))
    assert (lost.session_lost, lost.sent) == (True, False)


async def test_a_session_of_another_owner_is_not_found(upstream: StdioUpstream) -> None:
    session_id = await session_of(upstream, owner="s")
    assert (await failure_of(upstream, a_request("echo", owner="t", session_id=session_id))).session_lost


async def test_a_released_owner_has_no_process_any_more(upstream: StdioUpstream) -> None:
    pid = await pid_of(upstream)
    upstream.release("ada")
    upstream.release("nobody")
    await gone(pid)
    assert await pid_of(upstream) != pid


async def test_an_idle_process_ends_and_a_busy_one_does_not(open_upstream: Opener) -> None:
    upstream = open_upstream(idle_s=0.2)
    async with upstream.exchange(a_request("hold", owner="busy")):
        busy, idle = await pid_of(upstream, "busy"), await pid_of(upstream, "idle")
        await gone(idle)
        assert await pid_of(upstream, "busy") == busy


async def test_at_the_bound_the_longest_unused_process_gives_way(open_upstream: Opener) -> None:
    upstream = open_upstream(max_children=2)
    first, second = await pid_of(upstream, "a"), await pid_of(upstream, "b")
    assert await pid_of(upstream, "a") == first
    await pid_of(upstream, "c")
    await gone(second)
    assert await pid_of(upstream, "a") == first


async def test_processes_with_a_call_or_a_session_do_not_give_way(open_upstream: Opener) -> None:
    upstream = open_upstream(max_children=2)
    await session_of(upstream, owner="s")
    async with upstream.exchange(a_request("hold", owner="busy")):
        failure = await failure_of(upstream, a_request("echo", owner="late"))
    assert (failure.kind, failure.sent) == ("unavailable", False)


async def test_a_process_that_ignores_every_request_to_end_is_killed(
    upstream: StdioUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("enforcer.mcp.upstream.child._STEP_S", 0.1)
    pid = (await result_of(upstream, a_request("be_stubborn")))["pid"]
    assert isinstance(pid, int)
    await asyncio.wait_for(upstream.close(), 5)
    await gone(pid)


async def test_closing_fails_what_is_in_flight_and_starts_nothing_more(upstream: StdioUpstream) -> None:
    async with upstream.exchange(a_request("hold")) as exchange:
        await upstream.close()
        with pytest.raises(UpstreamFailure):
            await anext(aiter(exchange))
    assert not (await failure_of(upstream, a_request("echo"))).sent


async def test_a_command_that_can_not_run_is_unavailable_and_says_so_in_the_log(
    open_upstream: Opener, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    upstream = open_upstream(argv=("/nowhere/server",))
    assert (await failure_of(upstream, a_request("echo"))).kind == "unavailable"
    await upstream.close()
    assert "No such file" in caplog.text


async def test_stderr_is_logged_escaped_and_not_without_end(
    upstream: StdioUpstream, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for n in range(20):
        await messages_of(upstream, a_request("stderr", {"text": "\x1b[31m\n" + "y" * 9_000 + "\n"}, id=f"r{n}"))
    await upstream.close()
    assert "\\x1b[31m" in caplog.text
    assert "\x1b" not in caplog.text
    assert len(caplog.text) < 20_000


async def test_a_process_that_does_not_read_is_not_written_to_without_end(
    upstream: StdioUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("enforcer.mcp.upstream.child._STEP_S", 0.1)
    pid = await pid_of(upstream)
    os.kill(pid, 19)
    failures = await asyncio.gather(
        *(
            failure_of(upstream, a_request("echo", {"text": "x" * 1_000_000}, id=f"r{n}", timeout_s=0.5))
            for n in range(8)
        )
    )
    seen = {(failure.kind, failure.sent) for failure in failures}
    # Ending the process for one request that it never read fails those that it may have read.
    assert seen - {("unavailable", True)} == {("timeout", True), ("unavailable", False)}
    await upstream.close()


async def test_what_a_process_has_not_taken_never_reaches_it_once_its_caller_is_gone(upstream: StdioUpstream) -> None:
    pid = await pid_of(upstream)
    os.kill(pid, 19)
    call = a_request("echo", {"text": "x" * 1_000_000}, timeout_s=20)
    task = asyncio.ensure_future(messages_of(upstream, call))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await gone(pid)  # stopped, it would wait there for ever
    assert await pid_of(upstream) != pid
