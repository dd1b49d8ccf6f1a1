import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enforcer.contract.levels import Risk
from enforcer.policy.risk import classify_call


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
