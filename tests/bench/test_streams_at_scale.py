"""One change of the policy while a thousand clients listen and the server has 10,000 tools. Recorded, never judged."""

import asyncio
import random
import time
from collections.abc import Callable

import pytest

from enforcer.contract.levels import Risk
from enforcer.contract.snapshot import PrincipalPolicy
from enforcer.discovery.catalog import Catalog
from enforcer.link.state import Applied
from enforcer.pipeline.listen import SPREAD_S
from enforcer.pipeline.sights import Moment, Sights
from enforcer.policy.call import Call, Caller
from tests.enforcer.policy.support import ANY_OBJECT, NOW, grant, incident, index_of, snapshot, tool

TOOLS, STREAMS = 10_000, 1_000
SHAPES = {
    "of one group, every tool": lambda n: "everything",
    "each with ten tools of their own": lambda n: f"own-{n}",
}


def policy(holds: Callable[[int], str]) -> Applied:
    named = [f"tool_{n}" for n in range(TOOLS)]
    own = [grant(f"own-{n}", tools=tuple(named[n * 10 : n * 10 + 10])) for n in range(STREAMS)]
    people = tuple(
        PrincipalPolicy(subject=f"p{n}", issuer="idp", actor_type="user", groups=(), grants=(holds(n),))
        for n in range(STREAMS)
    )
    made = snapshot(
        grant("everything", max_risk=Risk.HIGH),
        *own,
        tools=tuple(tool(name, input_schema=ANY_OBJECT) for name in named),
        principals=people,
    )
    return Applied(index_of(made), incident(), None, NOW, None)  # type: ignore[arg-type]


async def longest_turn(until: asyncio.Event) -> float:
    """Seconds that a call would have waited for the loop."""
    longest = 0.0
    while not until.is_set():
        began = time.perf_counter()
        await asyncio.sleep(0)
        longest = max(longest, time.perf_counter() - began)
    return longest


async def look(sights: Sights, call: Call, moment: Moment) -> frozenset[tuple[str, str | None]]:
    """As a stream does that was woken."""
    await asyncio.sleep(random.uniform(0, SPREAD_S))
    return await sights.of(call, moment)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("shape", SHAPES)
async def test_a_change_with_many_listening(shape: str, record_property: Callable[[str, object], None]) -> None:
    applied, catalog = policy(SHAPES[shape]), Catalog()
    catalog.learn(applied.index, [{"name": f"tool_{n}", "inputSchema": ANY_OBJECT} for n in range(TOOLS)])
    sights, moment, done = Sights(catalog), Moment(applied, 0.0, True, NOW), asyncio.Event()
    calls = [Call("probe", "files", "", Caller(f"p{n}", "idp")) for n in range(STREAMS)]
    watching = asyncio.ensure_future(longest_turn(done))
    began = time.perf_counter()
    found = await asyncio.gather(*(look(sights, call, moment) for call in calls))
    took = time.perf_counter() - began
    done.set()
    longest = await watching
    assert {len(each) for each in found} == {TOOLS if "every tool" in shape else 10}
    record_property("seconds", round(took, 3))
    record_property("longest_turn_ms", round(longest * 1e3, 1))
    print(f"{STREAMS} streams {shape}: {took:.2f} s, the loop at most {longest * 1e3:.0f} ms in one go")  # noqa: T201
