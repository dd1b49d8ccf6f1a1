from math import inf
from typing import Any

import msgspec
import pytest

from enforcer.contract.keys import SigningKey
from enforcer.contract.levels import Risk
from enforcer.contract.snapshot import PrincipalPolicy, Snapshot, ToolPolicy
from enforcer.contract.times import from_text
from enforcer.policy import index as indexing
from enforcer.policy.grants import IndexedGrant
from enforcer.policy.index import Index, IndexProblem, build_index
from tests.enforcer.policy.support import grant, index_of, snapshot, tool
from tests.vectors.make import a_snapshot

ALICE: dict[str, Any] = {"subject": "alice", "issuer": "idp", "actor_type": "user"}


def changed(**changes: Any) -> Snapshot:
    return msgspec.structs.replace(snapshot(grant()), **changes)


REFUSED: list[tuple[str, Snapshot, str]] = [
    ("of another server", changed(server_id="time"), "'time'"),
    ("a tool twice", changed(tools=(tool(), tool())), "two tools are named 'fs_read'"),
    ("a grant twice", changed(grants=(grant(), grant())), "two grants have the id 'g1'"),
    ("a principal twice", changed(principals=(PrincipalPolicy(**ALICE), PrincipalPolicy(**ALICE))), "is there twice"),
    ("a grant nobody has", changed(principals=(PrincipalPolicy(**ALICE, grants=("g9",)),)), "unknown grant"),
    ("the server's bucket as a grant", snapshot(grant("server")), "'server'"),
    ("a rate of the server", snapshot(grant(), rate="often"), "'often'"),
    ("an end that can't be read", changed(expires_at="soon"), "'soon'"),
    ("a token key", changed(token_keys=("ed25519:short",)), "not a key"),
    ("a tool's schema", changed(tools=(tool(input_schema={"$ref": "https://x.example/s"}),)), "tool 'fs_read'"),
]


@pytest.mark.parametrize(("policy", "why"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_a_snapshot_that_can_not_be_right_is_refused(policy: Snapshot, why: str) -> None:
    problem = build_index(policy)
    assert isinstance(problem, IndexProblem)
    assert why in problem.detail


def test_the_golden_snapshot_loads() -> None:
    index = build_index(a_snapshot())
    assert isinstance(index, Index)
    assert [g.policy.id for g in index.grants_of("alice", "drawbridge")] == ["g1", "g2"]
    assert index.warnings == ()


def test_what_fails_closed_is_named() -> None:
    broken = grant("b", not_after="soon", rate="often", constraint={"$ref": "https://x.example/s"})
    index = index_of(snapshot(grant("a"), broken))
    assert len(index.warnings) == 1
    assert all(word in index.warnings[0] for word in ("'b'", "window", "'often'", "constraint"))


def test_a_principal_is_its_issuer_and_its_subject() -> None:
    index = index_of(changed(token_keys=(SigningKey.generate().public.text,)))
    assert len(index.grants_of("alice", "idp")) == 1
    assert index.grants_of("alice", "other") == ()
    assert index.principal("eve", "idp").groups == frozenset()


@pytest.mark.parametrize(("tools", "grants"), [(10, 20), (200, 20_000)])
def test_a_decision_looks_at_the_grants_of_its_tool_alone(
    tools: int, grants: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    speaks_of = IndexedGrant.speaks_of

    def counted(self: IndexedGrant, policy: ToolPolicy, risk: Risk) -> bool:
        looked.append(self.policy.id)
        return speaks_of(self, policy, risk)

    monkeypatch.setattr(IndexedGrant, "speaks_of", counted)
    named = [grant(f"g{n}", tools=(f"tool_{n % tools}",)) for n in range(grants)]
    index = index_of(
        snapshot(*named, grant("glob", tools=("tool_?",)), tools=tuple(tool(f"tool_{n}") for n in range(tools)))
    )
    found = index.principal("alice", "idp").grants_for(index.tools["tool_3"].policy, Risk.MEDIUM)
    assert len(looked) == grants // tools + 1 == len(found)
    assert [g.policy.id for g in found] == sorted(g.policy.id for g in found)


def test_what_is_remembered_of_a_principal_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "REMEMBERED", 3)
    index = index_of(snapshot(grant(), tools=tuple(tool(f"tool_{n}") for n in range(10))))
    alice = index.principal("alice", "idp")
    for each in index.tools.values():
        assert len(alice.grants_for(each.policy, Risk.MEDIUM)) == 1
    assert len(alice._of_tool) <= 3


def test_the_moments_at_which_time_alone_changes_a_decision_are_known() -> None:
    window = {"not_before": "2027-01-01T00:00:00.000Z", "not_after": "2027-02-01T00:00:00.000Z"}
    index = index_of(snapshot(grant("a"), grant("b", **window), grant("c", not_before="never")))
    starts, ends = from_text(window["not_before"]), from_text(window["not_after"])
    assert index.turns == (starts, ends)
    assert [index.next_turn(t) for t in (starts - 1, starts, ends)] == [starts, ends, inf]
