"""Every way out of the pipeline leaves exactly one receipt, and nothing is sent that the journal did not take first."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from enforcer.contract.incident import KillSwitch
from enforcer.contract.strict_json import JsonObject
from enforcer.journal.problems import JournalUnavailable
from enforcer.mcp.upstream.base import FailureKind, UpstreamFailure, UpstreamRequest
from enforcer.pipeline import run
from enforcer.pipeline.decide import refused_now
from tests.enforcer.pipeline.workbench import Workbench, an_index, applied, codes, honest

KILLED = applied(kill_switches=(KillSwitch(id="k", target="server:files"),))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Workbench]:
    made = Workbench(tmp_path)
    yield made
    made.journal.close()


def the_call(bench: Workbench) -> dict[str, Any]:
    receipts = bench.receipts()
    assert len(receipts) == 1, receipts
    return receipts[0]


async def test_an_allowed_call_is_sent_once_and_leaves_one_receipt(bench: Workbench) -> None:
    answer = await bench.call()
    assert answer.body is not None
    assert answer.body["id"] == 7
    assert len(bench.server.calls()) == 1
    receipt = the_call(bench)
    assert (receipt["receipt_type"], receipt["outcome"]["status"]) == ("csp.tool_safety.action.v1", "success")


async def test_what_goes_upstream_carries_nothing_of_the_client_but_what_was_checked(bench: Workbench) -> None:
    await bench.call()
    request = next(r for r in bench.server.sent if r.message["method"] == "tools/call")
    assert request.message["id"] != 7
    assert {name for name, _ in request.headers} == {"Mcp-Method", "Mcp-Name", "traceparent"}
    assert "Bearer" not in repr(request)


@pytest.mark.parametrize(
    ("state", "shown"),
    [("reviewed", "string: a"), ("unreviewed", "string"), ("changed", "string"), ("quarantined", "string")],
)
async def test_a_receipt_shows_a_value_that_a_reviewed_schema_marks_safe(
    bench: Workbench, state: str, shown: str
) -> None:
    path: JsonObject = {"type": "string", "x-drawbridge-safe": True}
    marked = an_index(state=state, input_schema={"type": "object", "properties": {"path": path}})
    bench.change(replace(applied(), index=marked))
    await bench.call()
    assert the_call(bench)["request"]["args_redacted"] == {"path": shown}


async def test_a_crash_of_ours_is_a_refusal_with_a_receipt(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(run, "STAGES", (*run.STAGES[:4], broken))
    assert codes(await bench.call()) == ["DENY_INTERNAL_ERROR"]
    assert bench.server.sent == []
    assert the_call(bench)["decision"]["reason_codes"] == ["DENY_INTERNAL_ERROR"]


async def test_without_policy_there_is_a_refusal_that_names_the_request(bench: Workbench) -> None:
    bench.link.policy = None
    answer = await bench.call()
    assert codes(answer) == ["DENY_POLICY_UNAVAILABLE"]
    assert answer.body is not None
    assert answer.body["id"] == 7
    assert the_call(bench)["principal"] == {"sub": "anonymous", "actor_type": "user"}


async def test_if_the_intent_can_not_be_written_nothing_is_sent(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(_: JsonObject) -> None:
        raise JournalUnavailable("disk full")

    monkeypatch.setattr(bench.journal, "intend", full)
    assert codes(await bench.call()) == ["DENY_AUDIT_UNAVAILABLE"]
    assert bench.server.calls() == []
    assert the_call(bench)["decision"]["reason_codes"] == ["DENY_AUDIT_UNAVAILABLE"]


async def test_a_receipt_too_large_for_the_journal_is_kept_without_its_facts(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("enforcer.pipeline.receipts.facts_as_json", lambda *_: {"much": "x" * 200_000})
    assert codes(await bench.call()) == ["DENY_PAYLOAD_TOO_LARGE"]
    assert bench.server.calls() == []
    receipt = the_call(bench)
    assert receipt["decision"]["reason_codes"] == ["DENY_PAYLOAD_TOO_LARGE"]
    assert receipt["facts"] == {}


async def test_if_the_outcome_can_not_be_written_the_answer_does_not_leave(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(_: JsonObject) -> None:
        raise JournalUnavailable("disk full")

    monkeypatch.setattr(bench.journal, "record", full)
    answer = await bench.call()
    assert codes(answer) == ["DENY_AUDIT_UNAVAILABLE"]
    assert b"done" not in answer.encoded()
    assert bench.receipts() == []  # its intent is there, and becomes a receipt when the journal opens again


@pytest.mark.parametrize(
    ("kind", "reason", "status"),
    [
        ("unavailable", "upstream_unavailable", "error"),
        ("invalid", "upstream_invalid", "error"),
        ("timeout", "upstream_timeout", "timeout"),
    ],
)
async def test_what_the_server_fails_at_is_said_in_our_words(
    tmp_path: Path, kind: FailureKind, reason: str, status: str
) -> None:
    async def failing(request: UpstreamRequest) -> AsyncIterator[JsonObject]:
        if request.message["method"] == "tools/call":
            raise UpstreamFailure(kind, "its secret text")
        async for message in honest(request):
            yield message

    bench = Workbench(tmp_path, failing)
    answer = await bench.call()
    assert answer.body is not None
    error: Any = answer.body["error"]
    assert (answer.status, error["code"], error["data"]["reason"]) == (200, -32603, reason)
    receipt = the_call(bench)
    assert (receipt["decision"]["result"], receipt["outcome"]["status"]) == ("allow", status)
    assert b"secret" not in answer.encoded()
    assert "secret" not in str(receipt)


@pytest.mark.parametrize(
    "result",
    [None, [], {"content": "text"}, {"content": [], "resultType": "task"}, {"resultType": "input_required"}],
)
async def test_a_result_that_this_gate_does_not_pass_is_invalid(tmp_path: Path, result: Any) -> None:
    async def strange(request: UpstreamRequest) -> AsyncIterator[JsonObject]:
        if request.message["method"] == "tools/call":
            yield {"jsonrpc": "2.0", "id": request.message["id"], "result": result}
        else:
            async for message in honest(request):
                yield message

    bench = Workbench(tmp_path, strange)
    answer = await bench.call()
    assert answer.body is not None
    assert answer.body["error"]["data"]["reason"] == "upstream_invalid"  # type: ignore[index, call-overload]
    assert the_call(bench)["outcome"]["status"] == "error"


class Held:
    """A server that has the call and does not answer."""

    def __init__(self) -> None:
        self.reached, self.left = asyncio.Event(), False

    async def __call__(self, request: UpstreamRequest) -> AsyncIterator[JsonObject]:
        if request.message["method"] != "tools/call":
            async for message in honest(request):
                yield message
            return
        self.reached.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.left = True


async def test_a_kill_cancels_what_is_in_flight_and_counts_it_until_its_receipt_is_written(tmp_path: Path) -> None:
    held = Held()
    bench = Workbench(tmp_path, held)
    calling = asyncio.ensure_future(bench.call())
    await asyncio.wait_for(held.reached.wait(), 5)
    bench.link.policy = KILLED
    bench.gate.flights.stop_refused("files", lambda call, facts: refused_now(bench.gate, call, facts))
    assert bench.gate.flights.stopping("files") == 1
    answer = await asyncio.wait_for(calling, 5)
    assert codes(answer) == ["DENY_KILL_SWITCH", "INCIDENT_KILL_SWITCH_ACTIVE"]
    assert held.left
    assert (bench.gate.flights.stopping("files"), bench.link.beats) == (0, 1)
    receipt = the_call(bench)
    assert receipt["decision"]["result"] == "deny"
    assert receipt["outcome"]["detail"] == "interrupted: effect unknown"


async def test_a_client_that_goes_away_has_cancelled_its_call(tmp_path: Path) -> None:
    held = Held()
    bench = Workbench(tmp_path, held)

    async def leaves() -> dict[str, Any]:
        await held.reached.wait()
        return {"type": "http.disconnect"}

    await asyncio.wait_for(bench.call(receive=leaves), 5)
    assert held.left
    assert the_call(bench)["outcome"]["detail"] == "interrupted: effect unknown"


async def test_a_kill_between_decision_and_sending_still_counts(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    intend = bench.journal.intend

    async def slow(draft: JsonObject) -> None:
        await intend(draft)
        bench.link.policy = KILLED

    monkeypatch.setattr(bench.journal, "intend", slow)
    assert codes(await bench.call()) == ["DENY_KILL_SWITCH", "INCIDENT_KILL_SWITCH_ACTIVE"]
    assert bench.server.calls() == []
    receipt = the_call(bench)
    assert receipt["receipt_type"] == "csp.tool_safety.refusal.v1"
    assert "outcome" not in receipt


async def test_a_tool_that_is_another_than_declared_is_not_called(tmp_path: Path) -> None:
    async def changed(request: UpstreamRequest) -> AsyncIterator[JsonObject]:
        tools: JsonObject = {
            "tools": [{"name": "fs_read", "inputSchema": {"type": "object"}}],
            "resultType": "complete",
        }
        yield {"jsonrpc": "2.0", "id": request.message["id"], "result": tools}

    bench = Workbench(tmp_path, changed)
    assert codes(await bench.call()) == ["DENY_TOOL_CHANGED"]
    assert bench.server.calls() == []
    assert the_call(bench)["decision"]["reason_codes"] == ["DENY_TOOL_CHANGED"]


async def test_a_gate_that_is_stopped_leaves_a_receipt_of_what_it_had_sent(tmp_path: Path) -> None:
    held = Held()
    bench = Workbench(tmp_path, held)
    calling = asyncio.ensure_future(bench.call())
    await asyncio.wait_for(held.reached.wait(), 5)
    calling.cancel()
    answer = await calling
    assert answer.body is not None
    assert answer.body["error"]["data"]["reason"] == "upstream_unavailable"  # type: ignore[call-overload,index]
    outcome = the_call(bench)["outcome"]
    assert (outcome["status"], outcome["detail"]) == ("error", "interrupted: effect unknown")
