"""A flood from nobody fills no journal: receipts are few, every message is in one, and each answer names it."""

import asyncio
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from enforcer.contract.receipt_schema import receipt_schema
from enforcer.journal.problems import JournalUnavailable
from enforcer.mcp.answers import Answer
from enforcer.pipeline import floods
from enforcer.pipeline.client import Client
from enforcer.pipeline.run import handle
from enforcer.policy.rates import Rate
from tests.enforcer.link.parts import until
from tests.enforcer.pipeline.workbench import Workbench, codes, request

OWN = floods.OWN_RECEIPTS.count
HEADERS = {"host": "gate", "content-type": "application/json", "accept": "application/json, text/event-stream"}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(floods, "GATHER_S", 0.2)


async def nobody(bench: Workbench, peer: str = "10.0.0.7", **more: str) -> Answer:
    async def ignore(_message: Any) -> None:
        return None

    async def stays() -> Any:
        await asyncio.Event().wait()

    asked = replace(request("POST", {**HEADERS, **more}, b'{"jsonrpc":"2.0","id":1,"method":"ping"}'), peer=peer)
    return await handle(bench.gate, "files", asked, Client(stays, ignore))


def none_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is: no message after the first ones gets a receipt of its own again."""
    monkeypatch.setattr(floods, "OWN_RECEIPTS", Rate(OWN, 1e6))


def named(answer: Answer) -> str:
    body: Any = answer.body
    return str(body["error"]["data"]["receipt_id"])


async def test_each_message_is_in_one_receipt_which_its_answer_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    none_in_between(monkeypatch)
    bench = Workbench(tmp_path)
    answers = await asyncio.gather(*(nobody(bench, f"10.0.0.{n % 2}") for n in range(3 * OWN)))
    assert {(answer.status, tuple(codes(answer))) for answer in answers} == {(401, ("DENY_NO_AUTHN",))}
    receipts = {receipt["receipt_id"]: receipt for receipt in bench.receipts()}
    assert OWN < len(receipts) < 2 * OWN  # how many depends on how many times GATHER_S the machine takes
    stands_for = {name: receipt.get("repeated", {}).get("count", 1) for name, receipt in receipts.items()}
    assert Counter(map(named, answers)) == stands_for
    shared = [receipt["repeated"] for receipt in receipts.values() if "repeated" in receipt]
    assert [sum(flood["sources"].values()) for flood in shared] == [flood["count"] for flood in shared]
    assert set().union(*(flood["sources"] for flood in shared)) == {"10.0.0.0", "10.0.0.1"}
    validator = jsonschema_rs.Draft202012Validator(receipt_schema())
    assert [str(problem) for receipt in receipts.values() for problem in validator.iter_errors(receipt)] == []


async def test_whoever_is_identified_has_a_receipt_of_every_message_meanwhile(tmp_path: Path) -> None:
    bench = Workbench(tmp_path)
    flood = [nobody(bench) for _ in range(2 * OWN)]
    mine = [bench.call(tool="unknown") for _ in range(20)] + [bench.call() for _ in range(20)]
    await asyncio.gather(*flood, *mine)
    ada = [receipt for receipt in bench.receipts() if receipt["principal"]["sub"] == "ada"]
    assert len(ada) == 40
    assert not any("repeated" in receipt for receipt in ada)


async def test_another_reason_has_receipts_of_its_own(tmp_path: Path) -> None:
    bench = Workbench(tmp_path)
    await asyncio.gather(*(nobody(bench) for _ in range(2 * OWN)), nobody(bench, authorization="Bearer x"))
    (other,) = [r for r in bench.receipts() if "DENY_INVALID_TOKEN" in r["decision"]["reason_codes"]]
    assert "repeated" not in other


async def test_a_flood_goes_on_and_each_stretch_has_its_receipt(tmp_path: Path) -> None:
    bench = Workbench(tmp_path)
    for _ in range(3):
        await asyncio.gather(*(nobody(bench) for _ in range(2 * OWN)))
    receipts = bench.receipts()
    assert sum(receipt.get("repeated", {}).get("count", 1) for receipt in receipts) == 6 * OWN
    assert len(receipts) < 2 * OWN


async def test_there_are_no_more_places_than_a_receipt_holds(tmp_path: Path) -> None:
    bench = Workbench(tmp_path)
    await asyncio.gather(*(nobody(bench, f"10.0.{n}.1") for n in range(200)))
    most = max(len(receipt.get("repeated", {}).get("sources", ())) for receipt in bench.receipts())
    assert most == floods.MOST_SOURCES


async def test_without_the_receipt_in_common_everybody_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Workbench(tmp_path)
    await asyncio.gather(*(nobody(bench) for _ in range(OWN)))

    async def unwritten(_receipt: Any) -> Any:
        raise JournalUnavailable("the disk is away")

    monkeypatch.setattr(bench.journal, "record", unwritten)
    answers = await asyncio.gather(*(nobody(bench) for _ in range(50)))
    assert {tuple(codes(answer)) for answer in answers} == {("DENY_AUDIT_UNAVAILABLE",)}


async def test_a_fault_while_the_receipt_in_common_is_written_leaves_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    none_in_between(monkeypatch)
    bench = Workbench(tmp_path)
    await asyncio.gather(*(nobody(bench) for _ in range(OWN)))

    async def broken(_receipt: Any) -> Any:
        raise LookupError("a fault that a test made")

    monkeypatch.setattr(bench.journal, "record", broken)
    async with asyncio.timeout(10):
        ends = await asyncio.gather(*(nobody(bench) for _ in range(20)), return_exceptions=True)
    assert sum(isinstance(end, LookupError) for end in ends) == 1
    assert {tuple(codes(end)) for end in ends if isinstance(end, Answer)} == {("DENY_AUDIT_UNAVAILABLE",)}


async def test_a_gate_that_stops_writes_what_has_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(floods, "GATHER_S", 60.0)
    none_in_between(monkeypatch)
    bench = Workbench(tmp_path)
    await asyncio.gather(*(nobody(bench) for _ in range(OWN)))
    waiting = [asyncio.ensure_future(nobody(bench)) for _ in range(30)]
    await until(lambda: sum(one.count for one in bench.gate.floods._gathering.values()) == 30)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert sum(receipt.get("repeated", {}).get("count", 1) for receipt in bench.receipts()) == OWN + 30
