import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enforcer.policy.globs import compile_glob, matches

TEXT = st.text("ab/.[]?*\n", max_size=12)


def by_regex(pattern: str, name: str) -> bool:
    parts = {"*": ".*", "?": "."}
    return re.fullmatch("".join(parts.get(c, re.escape(c)) for c in pattern), name, re.DOTALL) is not None


@settings(deadline=None)
@given(TEXT, TEXT)
def test_a_glob_means_what_the_contract_says(pattern, name):
    assert matches(pattern, name) is by_regex(pattern, name)


@settings(deadline=None)
@given(TEXT)
def test_a_name_without_stars_or_marks_matches_itself_alone(name):
    if "*" not in name and "?" not in name:
        assert matches(name, name)
        assert not matches(name, name + "a")


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("*", "", True),
        ("fs_*", "fs_list/all", True),
        ("fs_?", "fs_", False),
        ("*a*a*", "a", False),
        ("ab*ba", "aba", False),
        ("[ab]", "a", False),
        ("FS_*", "fs_list", False),
        ("", "a", False),
    ],
)
def test_known_globs_match_as_listed(pattern, name, fits):
    assert compile_glob(pattern).matches(name) is fits


def test_a_hostile_pattern_takes_no_longer_than_its_length_times_the_names():
    started = time.perf_counter()
    assert not matches("*a" * 200 + "?b", "a" * 5_000)
    assert not matches("*?a?" * 50 + "b", "a" * 5_000)
    assert time.perf_counter() - started < 5
