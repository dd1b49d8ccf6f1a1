"""Twice the policy is about twice the work, counted in steps of the interpreter: no machine is too slow for it."""

import sys
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

import pytest

from controlplane.policy.declarative.diff import diff
from controlplane.policy.declarative.draft import Draft
from controlplane.policy.declarative.file import read_policy
from controlplane.policy.declarative.items import document_of
from controlplane.policy.declarative.policy import Policy, overlaid
from controlplane.policy.declarative.problems import report
from controlplane.policy.declarative.reach import touched
from controlplane.policy.declarative.yaml_lines import read_yaml
from controlplane.policy.declarative.yaml_text import write_yaml
from enforcer.contract.strict_json import JsonObject, JsonValue
from tests.controlplane.policy_file.samples import NOW, bare
from tests.controlplane.policy_file.scale import large_document

LINEAR = 2.05  # measured: at most 2.0; one look at every grant for each grant already gives 2.2


def steps(work: Callable[[], Any]) -> int:
    """How many instructions of Python it takes."""
    count = 0

    def trace(frame: FrameType, event: str, _: object) -> object:
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)  # type: ignore[arg-type]
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def document(size: int) -> JsonObject:
    return large_document(servers=10 * size, tools=40 * size, grants=200 * size, principals=20 * size)


def read(size: int, rows: Policy | None = None) -> Draft:
    draft = read_policy(document(size), rows or bare(), held=set(), now=NOW)
    assert not draft.problems
    assert draft.warnings
    return draft


@pytest.fixture(scope="module")
def drafts() -> dict[int, Draft]:
    return {size: read(size) for size in (1, 2)}


def rows(draft: Draft) -> Policy:
    return overlaid(bare(), draft.said)


WORKS: dict[str, Callable[[int, Draft], Any]] = {
    "reading a new file": lambda size, draft: read(size),
    "reading what the rows say": lambda size, draft: read(size, rows(draft)),
    "the difference to nothing": lambda size, draft: diff(bare(), draft.said, prune=True),
    "the difference to everything": lambda size, draft: diff(rows(draft), bare(), prune=True),
    "whom it touches": lambda size, draft: touched(diff(bare(), draft.said, prune=False), bare(), rows(draft)),
    "the report": lambda size, draft: report(draft.warnings, file="-", lines={}),
    "the document": lambda size, draft: document_of(draft.said),
    "writing YAML": lambda size, draft: write_yaml(document(size)),
}


@pytest.mark.parametrize("name", WORKS)
def test_twice_the_policy_is_about_twice_the_work(name: str, drafts: dict[int, Draft]) -> None:
    work = WORKS[name]
    work(1, drafts[1])  # once unseen, so that what is made only once doesn't count
    one, two = (steps(partial(work, size, drafts[size])) for size in (1, 2))
    assert 0 < two < LINEAR * one, (one, two)


def test_reading_yaml_is_about_linear_too() -> None:
    small, large = (write_yaml(large_document(servers=s, tools=s, grants=s, principals=s)).encode() for s in (4, 8))
    assert steps(lambda: read_yaml(large)) < LINEAR * steps(lambda: read_yaml(small))


def hostile(size: int) -> JsonObject:
    """One principal has every grant, most of them selectors, on tools that cost next to nothing to check."""
    few = large_document(servers=2 * size, tools=0, grants=0, principals=10)
    what: list[JsonObject] = [
        {"risk": "LOW"},
        {"effect": "deny", "risk": "HIGH"},
        {"server": "server-0", "tools": ["t*"]},
    ]
    tools: list[JsonValue] = [
        {"server": f"server-{n % size}", "name": f"t{n}", "risk": "LOW", "input_schema": {}} for n in range(100 * size)
    ]
    grants: list[JsonValue] = [{"id": f"{n}", "principal": "agent-0", **what[n % 3]} for n in range(120 * size)]
    return {**few, "tools": tools, "grants": grants}


def test_selectors_and_denies_of_one_principal_are_not_tried_on_each_other() -> None:
    one, two = (steps(partial(read_policy, hostile(size), bare(), held=set(), now=NOW)) for size in (1, 2))
    assert two < LINEAR * one, (one, two)
