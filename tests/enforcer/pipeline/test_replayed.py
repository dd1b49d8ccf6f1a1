"""Real receipts of a real gate, replayed against the policy that was in force."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from enforcer.contract.incident import KillSwitch, RevokedPrincipal
from enforcer.contract.strict_json import JsonObject
from enforcer.link.state import Applied
from enforcer.mcp.upstream.base import UpstreamRequest
from enforcer.policy.recorded import NotRecorded
from enforcer.policy.replay import question, replay
from tests.enforcer.pipeline.workbench import Workbench, applied, honest

POLICIES: dict[str, Applied] = {
    "allowed": applied(),
    "killed": applied(kill_switches=(KillSwitch(id="k1", target="tool:files/fs_read"),)),
    "quarantined": applied(quarantined=("principal:ada",)),
}
CALLS: dict[str, dict[str, Any]] = {
    "fitting": {},
    "unknown tool": {"tool": "fs_nothing"},
    "unknown field": {"arguments": {"path": "a", "more": 1}},
    "wrong type": {"arguments": {"path": 5}},
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
async def test_a_receipt_gives_the_same_decision_again(policy: Applied, call: dict[str, Any], tmp_path: Path) -> None:
    bench = Workbench(tmp_path)
    bench.link.policy = policy
    await bench.call(**call)
    (receipt,) = bench.receipts()
    again = replay(receipt, question(receipt), policy.index, policy.incident)
    assert again.verdict == "same", (receipt["decision"], again.decision)


@pytest.mark.parametrize(
    "policy",
    [
        applied(revoked_principals=(RevokedPrincipal(subject="ada", issuer="drawbridge"),)),
        applied(revoked_tokens=("t-1",)),
    ],
)
async def test_who_was_refused_before_policy_was_asked_leaves_nothing_to_replay(
    policy: Applied, tmp_path: Path
) -> None:
    bench = Workbench(tmp_path)
    bench.link.policy = policy
    await bench.call()
    (receipt,) = bench.receipts()
    with pytest.raises(NotRecorded):
        question(receipt)


async def test_the_same_holds_while_calls_come_at_once_and_news_are_old(tmp_path: Path) -> None:
    bench = Workbench(tmp_path)
    bench.link.age = 59.99961
    await asyncio.gather(*(bench.call() for _ in range(5)))
    bench.link.age = None
    await bench.call()
    policy = bench.link.policy
    assert policy is not None
    receipts = bench.receipts()
    assert len(receipts) == 6
    for receipt in receipts:
        assert replay(receipt, question(receipt), policy.index, policy.incident).verdict == "same"


async def test_a_call_that_a_quarantine_stopped_in_flight_names_the_state_that_stopped_it(tmp_path: Path) -> None:
    reached, release = asyncio.Event(), asyncio.Event()

    async def waits(sent: UpstreamRequest) -> AsyncIterator[JsonObject]:
        if sent.message["method"] == "tools/call":
            reached.set()
            await release.wait()
        async for message in honest(sent):
            yield message

    bench = Workbench(tmp_path, waits)
    held = applied(quarantined=("principal:ada",), epoch=99)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(bench.call())
        await asyncio.wait_for(reached.wait(), 10)
        bench.change(held)
    (receipt,) = bench.receipts()
    assert receipt["decision"]["incident_epoch"] == 99
    assert replay(receipt, question(receipt), held.index, held.incident).verdict == "same"
