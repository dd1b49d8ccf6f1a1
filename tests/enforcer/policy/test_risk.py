import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enforcer.contract.levels import Risk
from enforcer.policy.risk import classify_call, propose


@pytest.mark.parametrize(
    "arguments",
    [
        {"argv": ["rm", "-rf", "/"]},
        {"command": "rm", "args": ["-rf", "~"]},
        {"steps": [{"run": "cd x"}, {"run": "sudo rm -r -f /home/alice"}]},
        ["drop", "table", "users"],
    ],
)
def test_patterns_are_found_wherever_the_arguments_hold_them(arguments):
    assert classify_call(arguments) is Risk.CRITICAL


def test_unrelated_fields_are_not_read_as_one_command():
    assert classify_call({"title": "drop", "kind": "table"}) is None
    assert classify_call({}) is None
    assert classify_call({"n": 1, "b": None, "path": "reports/a.txt"}) is None


def test_the_worst_pattern_decides():
    assert classify_call({"a": "rm -rf build", "b": "rm -rf /"}) is Risk.CRITICAL
    assert classify_call({"a": "rm -rf build", "b": "ls"}) is Risk.HIGH


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "rm ",
            "rm -rf x;",
            "rm -rf $",
            "curl ",
            "curl|",
            "$(curl",
            "|",
            "/*",
            "/* */",
            ">",
            "> /dev/s",
            "delete from a ",
        ),
        *("drop ", "git push ", "mkfs", "bash <(", ":(){", "truncate ", "format c", "-r ", "'", "\\", "\n", "a" * 50),
    ],
)
def test_hostile_text_of_a_megabyte_is_judged_in_linear_time(piece):
    started = time.perf_counter()
    classify_call({"text": piece * (1_000_000 // len(piece))})
    assert time.perf_counter() - started < 10


@settings(deadline=None)
@given(
    st.recursive(st.text() | st.none(), lambda i: st.lists(i, max_size=3) | st.dictionaries(st.text(), i, max_size=3))
)
def test_no_arguments_at_all_raise(arguments):
    assert classify_call(arguments) in (None, Risk.HIGH, Risk.CRITICAL)


@pytest.mark.parametrize(
    ("name", "risk"),
    [
        *(("git_status", Risk.LOW), ("get_current_time", Risk.LOW), ("readFile", Risk.LOW), ("fs_list", Risk.LOW)),
        *(("git_commit", Risk.MEDIUM), ("frobnicate", Risk.MEDIUM), ("create_branch", Risk.MEDIUM)),
        *(("fs_delete", Risk.HIGH), ("get_and_delete", Risk.HIGH), ("run_query", Risk.HIGH), ("git_reset", Risk.HIGH)),
        *(("drop_table", Risk.CRITICAL), ("wipeDisk", Risk.CRITICAL)),
    ],
)
def test_a_name_proposes_the_risk_of_its_worst_word(name, risk):
    proposed, why = propose(name, "", {}, {})
    assert proposed is risk
    assert why


def test_what_a_tool_says_of_itself_raises_and_never_lowers():
    assert propose("read", "", {"destructiveHint": True}, {})[0] is Risk.HIGH
    assert propose("read", "Permanently changes the file.", {}, {})[0] is Risk.HIGH
    assert propose("read", "", {}, {"properties": {"sql": {}}})[0] is Risk.HIGH
    assert propose("delete", "Harmless.", {"readOnlyHint": True, "destructiveHint": False}, {})[0] is Risk.HIGH
    assert propose("drop_all", "", {"destructiveHint": True}, {})[0] is Risk.CRITICAL


@settings(deadline=None)
@given(
    st.text(),
    st.text(),
    st.dictionaries(st.sampled_from(["readOnlyHint", "destructiveHint"]), st.booleans() | st.text()),
)
def test_annotations_never_lower_a_proposal(name, description, annotations):
    assert propose(name, description, annotations, {})[0].rank >= propose(name, "", {}, {})[0].rank
