"""A file can't break what it doesn't name; and what was so before is no fault of the file."""

from dataclasses import replace

import pytest

from controlplane.policy.declarative.file import read_policy
from controlplane.policy.declarative.policy import Policy
from controlplane.policy.declarative.problems import key_of
from tests.controlplane.policy_file.samples import GOOD, NOW, draft_of, written

LOOSE = "{type: object, properties: {name: {type: string}}}"
BOUND = GOOD.replace("tools: [fs_read]}", "tools: ['fs_*'], constraint: {properties: {path: {pattern: ^a}}}}")
SELECTS = "  - {principal: alice, trust: unknown, constraint: {required: [url]}}\n"
ROWS = draft_of(BOUND.replace("grants:\n", "grants:\n" + SELECTS))


def rows() -> Policy:
    assert not ROWS.problems
    return replace(ROWS.said, trust_levels=ROWS.current.trust_levels)


def problems(text: str, current: Policy | None = None) -> list[str]:
    return [f"{key_of(p.path)}: {p.what}" for p in draft_of("version: 1\n" + text, current or rows()).problems]


SERVER = "servers:\n  - {id: files, trust_level: internal, credential: {mode: none}"
TOOL = "tools:\n  - {server: files, risk: LOW, name: "


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"{SERVER}, egress: [api.example]}}", "servers[0].workspace: tool files/fs_read, left as it is, needs one"),
        (f"{SERVER}, workspace: /srv}}", "servers[0].egress: tool files/fs_read, left as it is, needs one"),
        (
            f"{TOOL}fs_read, input_schema: {LOOSE}}}",
            "tools[0].input_schema: tool files/fs_read has no field /path, which",
        ),
        (
            f"{TOOL}fs_new, input_schema: {LOOSE}}}",
            "tools[0].input_schema: tool files/fs_new has no field /path, which",
        ),
    ],
)
def test_taking_away_what_an_unnamed_object_stands_on_is_refused(text: str, says: str) -> None:
    (found,) = problems(text)
    assert found.startswith(says)


def test_a_server_that_moves_under_a_selector_brings_its_tools_under_the_selectors_constraint() -> None:
    loose = draft_of(f"version: 1\n{TOOL}other, input_schema: {LOOSE}}}", rows())
    assert not loose.problems
    below = replace(rows(), tools=rows().tools | loose.said.tools)
    moved = f"{SERVER.replace('internal', 'unknown')}, workspace: /srv, egress: [api.example]}}"
    (found,) = problems(moved, below)
    assert found.startswith("servers[0].trust_level: tool files/other has no field /url, which grant g-")


@pytest.mark.parametrize(
    "text",
    [
        f"{SERVER}, workspace: /srv/other, egress: [b.example]}}",
        f"{TOOL}other, input_schema: {LOOSE}}}",
        f"{TOOL}fs_read, input_schema: {{type: object, properties: {{path: {{}}, url: {{}}, name: {{}}}}}}}}",
    ],
)
def test_what_breaks_nothing_is_taken(text: str) -> None:
    assert problems(text) == []


def test_naming_the_broken_object_too_mends_it() -> None:
    tool = f"{TOOL}fs_read, input_schema: {LOOSE}}}"
    (grant,) = [key for key, one in rows().grants.items() if one.server_id]
    mended = f"grants:\n  - {{id: {grant}, principal: alice, server: files, tools: ['fs_*']}}"
    assert problems(tool)
    assert problems(f"{tool}\n{mended}") == []


def test_what_was_broken_before_is_not_refused_again() -> None:
    unguarded = replace(rows(), servers={"files": replace(rows().servers["files"], workspace="", egress=[])})
    assert problems(f"{SERVER}, title: Files}}", unguarded) == []
    (read,) = rows().tools.values()
    unbound = replace(rows(), tools={read.key: replace(read, input_schema={"type": "object", "properties": {}})})
    assert problems(f"{TOOL}fs_read, input_schema: {LOOSE}}}", unbound) == []


def test_pruning_looks_at_nothing_that_it_removes() -> None:
    text = f"version: 1\n{SERVER}}}"
    assert problems(f"{SERVER}}}")
    assert not read_policy(written(text).value, rows(), held=set(), now=NOW, prune=True).problems
