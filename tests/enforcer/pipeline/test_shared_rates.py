"""Rates that enforcers share, in the pipeline: real decision and journal, a counter that does what the test says."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from enforcer.contract.levels import Risk
from enforcer.link.shared_rates import SharedRates
from enforcer.link.state import Applied
from enforcer.policy.call import Call
from enforcer.policy.index import SERVER_BUCKET, Index, build_index
from enforcer.policy.rates import Rate
from tests.enforcer.pipeline.workbench import Workbench, applied, codes

LIMITED = {"rate": "5/minute shared"}


class Counter:
    """Tokens by bucket; `overtaken` are those that others empty between the look and the take."""

    def __init__(self, **tokens: float) -> None:
        self.tokens, self.overtaken, self.taken = tokens, set[str](), list[list[str]]()
        self.trouble = ""

    async def left(self, _call: Call, rates: Mapping[str, Rate]) -> dict[str, float]:
        return {name: self.tokens.get(name, 0.0) for name in rates}

    async def take(self, _call: Call, rates: Mapping[str, Rate]) -> bool:
        self.taken.append(sorted(rates))
        return not self.overtaken & rates.keys()

    def problem(self) -> str:
        return self.trouble


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Workbench]:
    made = Workbench(tmp_path)
    yield made
    made.journal.close()


def limited(grants: Mapping[str, Mapping[str, Any]], server_rate: str | None = None) -> Applied:
    """ada's grants on `fs_read`, as the first one with these changes."""
    policy = applied()
    snapshot = policy.index.snapshot
    made = tuple(msgspec.structs.replace(snapshot.grants[0], id=id_, **more) for id_, more in grants.items())
    server = msgspec.structs.replace(
        snapshot.server, limits=msgspec.structs.replace(snapshot.server.limits, rate=server_rate)
    )
    principal = msgspec.structs.replace(snapshot.principals[0], grants=tuple(grants))
    index = build_index(msgspec.structs.replace(snapshot, grants=made, principals=(principal,), server=server))
    assert isinstance(index, Index), index
    return replace(policy, index=index)


def count(bench: Workbench, counter: Counter) -> Counter:
    bench.gate.shared_rates = cast("SharedRates", counter)
    return counter


async def test_a_call_is_counted_once_where_it_is_allowed(bench: Workbench) -> None:
    bench.link.policy = limited({"g1": LIMITED}, server_rate="9/minute shared")
    counter = count(bench, Counter(g1=3.0, server=2.0))
    assert codes(await bench.call()) == []
    assert counter.taken == [["g1", SERVER_BUCKET]]
    (receipt,) = bench.receipts()
    assert receipt["facts"]["rates"] == {"g1": 3, SERVER_BUCKET: 2}


async def test_a_call_for_which_the_fleet_has_no_room_is_refused_with_the_time_to_wait(bench: Workbench) -> None:
    bench.link.policy = limited({"g1": LIMITED})
    counter = count(bench, Counter(g1=1 - 30 * 5 / 60))  # the window ends in 30 s
    answer = await bench.call()
    assert codes(answer) == ["DENY_RATE_LIMIT"]
    assert answer.body is not None
    assert cast("Any", answer.body)["error"]["data"]["retry_after_s"] == pytest.approx(30)
    assert counter.taken == []
    assert bench.server.calls() == []


async def test_a_rate_of_this_enforcer_alone_asks_nobody(bench: Workbench) -> None:
    bench.link.policy = limited({"g1": {"rate": "5/minute"}})
    counter = count(bench, Counter())
    assert codes(await bench.call()) == []
    assert counter.taken == []


async def test_what_redis_grants_is_no_more_than_this_enforcers_own_bucket(bench: Workbench) -> None:
    bench.link.policy = limited({"g1": {"rate": "2/minute shared"}})
    count(bench, Counter(g1=1e9))
    assert [codes(await bench.call()) for _ in range(3)] == [[], [], ["DENY_RATE_LIMIT"]]


async def test_who_is_overtaken_passes_by_the_next_grant_that_has_room(bench: Workbench) -> None:
    bench.link.policy = limited({"g1": {**LIMITED, "max_risk": Risk.HIGH}, "g2": {"rate": "5/minute"}})
    counter = count(bench, Counter(g1=1.0))
    counter.overtaken = {"g1"}
    assert codes(await bench.call()) == []
    (receipt,) = bench.receipts()
    assert receipt["decision"]["policy_id"] == "g2"
    assert receipt["facts"]["rates"]["g1"] == 0  # so that a replay gives the same answer
    assert receipt["facts"]["rates"]["g2"] == 5


async def test_who_is_overtaken_and_has_no_other_grant_is_refused_and_keeps_its_own_token(bench: Workbench) -> None:
    bench.link.policy = limited({"g1": {"rate": "2/minute shared"}})
    counter = count(bench, Counter(g1=2.0))
    counter.overtaken = {"g1"}
    assert [codes(await bench.call()) for _ in range(3)] == [["DENY_RATE_LIMIT"]] * 3
    counter.overtaken = set()
    assert [codes(await bench.call()) for _ in range(3)] == [[], [], ["DENY_RATE_LIMIT"]]


async def test_what_can_not_be_counted_is_refused_and_the_receipt_says_why(bench: Workbench) -> None:
    bench.link.policy = limited({"g1": LIMITED})
    count(bench, Counter()).trouble = "policy redis: TimeoutError"
    assert codes(await bench.call()) == ["DENY_RATE_LIMIT"]
    assert bench.server.calls() == []


async def test_a_gate_that_counts_with_nobody_refuses_what_is_to_be_shared(bench: Workbench) -> None:
    bench.link.policy = limited({"g1": LIMITED})
    assert codes(await bench.call()) == ["DENY_RATE_LIMIT"]
