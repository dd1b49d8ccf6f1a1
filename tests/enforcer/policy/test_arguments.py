import dataclasses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enforcer.contract.levels import Risk
from enforcer.contract.reasons import ReasonCode
from enforcer.contract.snapshot import ToolPolicy
from enforcer.contract.strict_json import JsonObject
from enforcer.policy.arguments import ArgumentFacts, CompiledTool, compile_tool, examine
from enforcer.policy.schema import SchemaProblem

TEXT: JsonObject = {"type": "string"}
SCHEMA: JsonObject = {
    "type": "object",
    "properties": {
        "path": TEXT,
        "url": TEXT,
        "note": TEXT,
        "free": {},
        "files": {"anyOf": [TEXT, {"type": "array", "items": {"anyOf": [TEXT, {"properties": {"file": TEXT}}]}}]},
    },
}


def compiled(
    schema: JsonObject = SCHEMA, *, workspace: str | None = "/srv/files", egress=("ok.example",), **more: Any
) -> CompiledTool:
    policy = ToolPolicy(name="t", risk=Risk.LOW, state="reviewed", input_schema=schema, **more)
    tool = compile_tool(policy, workspace=workspace, egress=egress)
    assert isinstance(tool, CompiledTool), tool
    return tool


def facts(arguments: JsonObject, tool: CompiledTool | None = None) -> ArgumentFacts:
    return examine(tool or compiled(), arguments, real=None)


def code(arguments: JsonObject, tool: CompiledTool | None = None) -> ReasonCode | None:
    problem = facts(arguments, tool).problem
    return problem and problem[0]


def test_paths_and_urls_are_resolved_and_the_rest_stays_as_sent():
    sent: JsonObject = {
        "path": "a/../b",
        "url": "HTTPS://OK.example/x/../y",
        "note": "../n",
        "files": ["c", {"file": "./d"}],
    }
    found = facts(sent)
    assert found.problem is None
    assert found.resolved == {"path": "b", "url": "https://ok.example/y", "note": "../n", "files": ["c", {"file": "d"}]}
    assert dict(found.paths) == {"/path": "b", "/files/0": "c", "/files/1/file": "d"}
    assert found.urls == (("/url", "ok.example"),)
    assert found.risk is None
    assert sent["path"] == "a/../b"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({}, None),
        ({"path": "a"}, None),
        ({"files": "a"}, None),
        ({"path": "../x", "url": "https://evil.example", "new": 1}, ReasonCode.DENY_UNKNOWN_FIELDS),
        ({"path": "../x", "note": 1}, ReasonCode.DENY_INVALID_ARGUMENTS),
        ({"path": "../x", "url": "https://evil.example"}, ReasonCode.DENY_PATH_TRAVERSAL),
        ({"path": "x", "url": "https://evil.example"}, ReasonCode.DENY_EGRESS_BLOCKED),
        ({"files": ["a", "../b"]}, ReasonCode.DENY_PATH_TRAVERSAL),
        ({"files": "../b"}, ReasonCode.DENY_PATH_TRAVERSAL),
        ({"files": [{"file": "../b"}]}, ReasonCode.DENY_PATH_TRAVERSAL),
    ],
)
def test_the_first_problem_in_the_order_of_checks_is_told(arguments, reason):
    assert code(arguments) == reason


@pytest.mark.parametrize("value", [["../x"], {"a": "b"}, 7, True])
def test_a_declared_pointer_that_selects_no_text_is_refused(value):
    tool = compiled(path_arguments=("/free",), url_arguments=())
    assert code({"free": value}, tool) == ReasonCode.DENY_INVALID_ARGUMENTS
    assert code({"free": None}, tool) is None
    assert code({}, tool) is None
    assert code({"free": "../x"}, tool) == ReasonCode.DENY_PATH_TRAVERSAL


def test_a_found_pointer_to_what_may_be_anything_refuses_a_list():
    assert code({"path": ["../x"]}, compiled({"properties": {"path": {}}})) == ReasonCode.DENY_INVALID_ARGUMENTS


def test_found_pointers_without_anything_to_check_against_are_named_and_not_checked():
    tool = compiled(workspace=None, egress=())
    assert set(tool.unchecked) == {"/path", "/url", "/files", "/files/*", "/files/*/file"}
    assert code({"path": "../x", "url": "file:///etc"}, tool) is None
    assert compiled().unchecked == ()


def test_declared_pointers_without_anything_to_check_against_are_refused():
    tool = compiled(workspace=None, egress=(), path_arguments=("/note",), url_arguments=("/url",))
    assert tool.unchecked == ()
    assert code({"note": "x"}, tool) == ReasonCode.DENY_PATH_TRAVERSAL
    assert code({"url": "https://ok.example"}, tool) == ReasonCode.DENY_EGRESS_BLOCKED


def test_declaring_none_turns_finding_off():
    tool = compiled(path_arguments=(), url_arguments=())
    assert code({"path": "../x", "url": "file:///etc"}, tool) is None


def test_the_disk_is_asked_through_the_callers_function():
    found = examine(compiled(), {"path": "link"}, real=lambda path: path.replace("link", "secrets"))
    assert found.resolved == {"path": "secrets"}
    assert examine(compiled(), {"path": "a"}, real=lambda _path: None).problem is not None


def test_only_a_critical_pattern_raises_the_risk_and_a_problem_does_not_hide_it():
    assert facts({"note": "rm -rf build"}).risk is None
    assert facts({"note": "rm -rf /"}).risk is Risk.CRITICAL
    assert facts({"note": "rm -rf /", "new": 1}).risk is Risk.CRITICAL


def test_a_problem_never_holds_an_arguments_value():
    for sent in ({"path": "../canary"}, {"url": "https://canary.example"}, {"note": ["canary"]}):
        problem = facts(sent).problem
        assert problem is not None
        assert "canary" not in problem[1]


def test_a_tool_that_can_not_be_checked_is_a_problem_at_once():
    policy = ToolPolicy(name="t", risk=Risk.LOW, state="reviewed", input_schema=SCHEMA, path_arguments=("path",))
    wide: JsonObject = {"properties": {f"path{n}": TEXT for n in range(300)}}
    assert isinstance(compile_tool(policy, workspace="/w", egress=()), SchemaProblem)
    for schema in ({"$ref": "https://example.com"}, {"pattern": "(?=a)"}, wide):
        other = ToolPolicy(name="t", risk=Risk.LOW, state="reviewed", input_schema=schema)
        assert isinstance(compile_tool(other, workspace="/w", egress=()), SchemaProblem)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["a", "../x", "/etc", "", "https://ok.example/"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["path", "file", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)
TOOL = compiled()


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["path", "url", "files", "free", "note"]), JSON, max_size=4))
def test_what_is_resolved_is_resolved_already(arguments):
    found = facts(arguments, TOOL)
    if found.problem is None:
        again = facts(found.resolved, TOOL)  # type: ignore[arg-type]
        assert again.problem is None
        assert dataclasses.replace(again, risk=None) == dataclasses.replace(found, risk=None)
        assert all(not path.startswith(("/", "..")) for _, path in found.paths)
    else:
        assert found.resolved == arguments
