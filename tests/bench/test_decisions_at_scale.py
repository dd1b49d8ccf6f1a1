"""10,000 tools and 100,000 grants: a decision costs what it costs with ten. Figures are recorded, never judged."""

import time
from collections.abc import Callable

import msgspec
import pytest

from enforcer.contract.levels import Risk
from enforcer.contract.snapshot import PrincipalPolicy, Snapshot
from enforcer.policy.call import Call, Caller
from enforcer.policy.decide import argument_facts, buckets_of, decide
from enforcer.policy.decision import Facts
from enforcer.policy.index import Index
from tests.enforcer.policy.support import NOW, grant, incident, index_of, snapshot, tool

CALLS = 2_000
SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}, "n": {"type": "integer"}}}


def company(tools: int, grants: int) -> Snapshot:
    """Ten grants a principal, and one principal who has them all."""
    granted = [grant(f"g{n:06d}", tools=(f"tool_{n % tools}",), max_risk=Risk.HIGH) for n in range(grants)]
    ids = [g.id for g in granted]
    people = [
        PrincipalPolicy(subject=f"p{n}", issuer="idp", actor_type="user", grants=tuple(ids[n * 10 : n * 10 + 10]))
        for n in range(grants // 10)
    ]
    made = snapshot(*granted, tools=tuple(tool(f"tool_{n}", input_schema=SCHEMA) for n in range(tools)))
    return msgspec.structs.replace(made, principals=(*made.principals, *people))


def decider(index: Index, subject: str) -> Callable[[], str]:
    call = Call("gate", "files", "tool_3", Caller(subject, "idp"))

    def once() -> str:
        found, checks = argument_facts(index, call, {"path": "a"}, None)
        buckets_of(index, call)
        return decide(index, incident(), call, Facts(0.5, arguments=found, constraints=checks), NOW).result

    return once


def median_us(work: Callable[[], str]) -> float:
    assert work() == "allow"
    times = []
    for _ in range(CALLS):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return sorted(times)[CALLS // 2] * 1e6


@pytest.mark.timeout(300)
def test_a_decision_costs_the_same_however_large_the_company(record_property: Callable[[str, object], None]) -> None:
    small = index_of(company(10, 100))
    began = time.perf_counter()
    large = index_of(company(10_000, 100_000))
    loaded_s = time.perf_counter() - began
    few = median_us(decider(small, "p0"))
    many, most = median_us(decider(large, "p0")), median_us(decider(large, "alice"))
    for name, value in (("few_us", few), ("many_us", many), ("most_us", most), ("load_s", loaded_s)):
        record_property(name, round(value, 2))
    print(f"a decision: {few:.1f} us of 10 tools and 100 grants, {many:.1f} us of 10,000 and 100,000,")  # noqa: T201
    print(f"{most:.1f} us for who has all of them; loaded in {loaded_s:.1f} s")  # noqa: T201
