import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enforcer.contract.levels import Risk
from enforcer.contract.strict_json import JsonObject
from enforcer.policy.risk_proposal import propose


def risk(name: str = "read", **said: object) -> Risk:
    return propose({"name": name, **said}).risk  # type: ignore[dict-item]


def takes(*names: str) -> JsonObject:
    return {"type": "object", "properties": {name: {"type": "string"} for name in names}}


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        *(("git_status", Risk.LOW), ("get_current_time", Risk.LOW), ("readFile", Risk.LOW), ("fs_list", Risk.LOW)),
        *(("git_commit", Risk.MEDIUM), ("frobnicate", Risk.MEDIUM), ("create_branch", Risk.MEDIUM)),
        *(("fs_delete", Risk.HIGH), ("get_and_delete", Risk.HIGH), ("run_query", Risk.HIGH), ("git_reset", Risk.HIGH)),
        *(("drop_table", Risk.CRITICAL), ("wipeDisk", Risk.CRITICAL)),
    ],
)
def test_a_name_proposes_the_risk_of_its_worst_word(name: str, wanted: Risk) -> None:
    made = propose({"name": name})
    assert made.risk is wanted
    assert made.why


def test_what_a_tool_says_of_itself_raises_and_never_lowers() -> None:
    assert risk(annotations={"destructiveHint": True}) is Risk.HIGH
    assert risk(description="Permanently changes the file.") is Risk.HIGH
    assert risk(title="Irreversible") is Risk.HIGH
    assert risk("delete", annotations={"readOnlyHint": True, "destructiveHint": False}) is Risk.HIGH
    assert risk("drop_all", annotations={"destructiveHint": True}) is Risk.CRITICAL


def test_arguments_speak_at_any_depth() -> None:
    assert risk(inputSchema=takes("sql")) is Risk.HIGH
    deep: JsonObject = {"properties": {"steps": {"items": {"properties": {"shellCommand": {}}}}}}
    assert risk(inputSchema=deep) is Risk.HIGH
    assert risk(inputSchema=takes("callback_url")) is Risk.MEDIUM
    assert risk(inputSchema=takes("path")) is Risk.LOW
    assert [r.says for r in propose({"name": "read", "inputSchema": takes("path")}).reasons][1:] == [
        "it takes paths: path"
    ]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("rm -rf /", Risk.CRITICAL), ("DROP TABLE users", Risk.CRITICAL), ("git push --force", Risk.HIGH)],
)
def test_default_patterns_count_where_they_are_shown_or_offered(text: str, wanted: Risk) -> None:
    assert risk(description=f"Use it like `{text}`.") in (wanted, Risk.CRITICAL)
    assert risk(inputSchema={"properties": {"x": {"enum": ["ls", text]}}}) is wanted
    assert risk(inputSchema={"properties": {"x": {"default": text}}}) is wanted


def test_the_deciding_reason_comes_first_and_the_others_are_told() -> None:
    made = propose({"name": "delete_rows", "inputSchema": takes("sql", "path"), "description": "Can't be undone."})
    assert made.why == "its name says 'delete'"
    assert [reason.risk for reason in made.reasons] == [Risk.HIGH, Risk.HIGH, Risk.HIGH, Risk.LOW]


def test_a_tool_that_calls_itself_harmless_and_is_not_is_doubted() -> None:
    assert propose({"name": "wipe", "annotations": {"readOnlyHint": True}}).doubts
    assert not propose({"name": "read", "annotations": {"readOnlyHint": True}}).doubts


def test_hostile_sizes_take_no_time() -> None:
    began = time.perf_counter()
    schema: JsonObject = {"properties": {f"command_{n}": {"enum": ["rm " * 50] * 50} for n in range(10_000)}}
    made = propose({"name": "x" * 100_000, "description": "rm -rf " * 50_000, "inputSchema": schema})
    assert made.risk is Risk.CRITICAL or made.risk is Risk.HIGH
    assert time.perf_counter() - began < 5


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=10,
)


@settings(deadline=None)
@given(st.text(), st.dictionaries(st.sampled_from(["title", "description", "annotations", "inputSchema"]), anything))
def test_whatever_is_said_never_lowers_what_the_name_says(name: str, said: JsonObject) -> None:
    assert propose({**said, "name": name}).risk.rank >= propose({"name": name}).risk.rank
