"""What a call may not gain by waiting, and what a server may not gain by asking."""

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import pytest

from enforcer.contract.reasons import ReasonCode
from enforcer.contract.strict_json import JsonObject
from enforcer.mcp.answers import Answer
from enforcer.mcp.requests import HttpRequest
from enforcer.mcp.upstream.base import UpstreamRequest
from enforcer.pipeline import run
from enforcer.pipeline.client import Client
from enforcer.pipeline.decide import decide_again, decide_call
from enforcer.pipeline.forward import forward
from enforcer.pipeline.gate import Gate
from enforcer.pipeline.intend import intend
from enforcer.pipeline.transaction import Transaction
from enforcer.policy.decision import Decision
from tests.enforcer.pipeline.parts import Bench

REQUEST = HttpRequest("POST", "/mcp", b"", (), b"{}")
KILLED = Decision("deny", (ReasonCode.DENY_KILL_SWITCH,), (ReasonCode.DENY_KILL_SWITCH,))


async def silent() -> dict[str, Any]:
    await asyncio.get_running_loop().create_future()
    return {}


async def ignored(_message: MutableMapping[str, Any]) -> None:
    pass


def a_client() -> Client:
    return Client(silent, ignored)


async def questions_without_end(request: UpstreamRequest) -> AsyncIterator[JsonObject]:
    while "method" in request.message:
        await asyncio.sleep(0)
        yield {"jsonrpc": "2.0", "id": 1, "method": "ping"}


def reason_of(answer: Answer | None) -> Any:
    assert answer is not None
    assert answer.body is not None
    error: Any = answer.body["error"]
    return error["data"].get("reason", error["data"]["reason_codes"])


async def test_a_server_that_asks_and_asks_is_out_of_time_like_any_other() -> None:
    bench = Bench(questions_without_end, {"timeout_s": 1})
    tx = bench.call()
    for stage in (decide_call, intend):
        assert await stage(bench.gate, tx) is None
    async with asyncio.timeout(5):
        assert reason_of(await forward(bench.gate, tx, a_client())) == "upstream_timeout"


async def test_news_that_grew_too_old_while_a_call_waited_stop_it_before_it_is_sent() -> None:
    bench = Bench()
    tx = bench.call()
    for stage in (decide_call, intend, decide_again):
        assert await stage(bench.gate, tx) is None
    bench.link.age = 901.0
    assert reason_of(await decide_again(bench.gate, tx)) == ["DENY_POLICY_STALE"]


async def test_policy_that_went_away_while_a_call_waited_stops_it() -> None:
    bench = Bench()
    tx = bench.call()
    assert await decide_call(bench.gate, tx) is None
    bench.link.applied = None
    assert reason_of(await decide_again(bench.gate, tx)) == ["DENY_POLICY_UNAVAILABLE"]


async def test_where_not_even_a_brief_receipt_can_be_written_the_answer_is_a_refusal() -> None:
    bench = Bench()

    def refuse(_receipt: JsonObject) -> None:
        raise ValueError("never")

    bench.journal.check = refuse
    answer = await run.handle(bench.gate, "files", REQUEST, a_client())
    assert reason_of(answer) == ["DENY_AUDIT_UNAVAILABLE"]


async def test_a_refused_call_is_not_cancelled_while_its_receipt_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()

    async def too_late(gate: Gate, tx: Transaction) -> Answer | None:
        made = bench.call()
        tx.caller, tx.policy, tx.admitted = made.caller, made.policy, made.admitted
        await decide_call(gate, tx)
        await intend(gate, tx)
        bench.link.age = 901.0
        return await decide_again(gate, tx)

    async def record(receipt: JsonObject) -> None:
        bench.gate.flights.stop_refused("files", lambda _call, _facts: KILLED)
        await asyncio.sleep(0)
        bench.journal.receipts.append(receipt)

    monkeypatch.setattr(bench.journal, "record", record)
    monkeypatch.setattr(run, "STAGES", (too_late,))
    assert reason_of(await run.handle(bench.gate, "files", REQUEST, a_client())) == ["DENY_POLICY_STALE"]
    assert len(bench.journal.receipts) == 1
