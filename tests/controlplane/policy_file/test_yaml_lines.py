import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.policy.declarative.problems import Problem
from controlplane.policy.declarative.yaml_lines import MAX_BYTES, MAX_JSON_BYTES, Written, read_yaml

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc:#é😀-", max_size=5), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


def value_of(text: str) -> object:
    written = read_yaml(text.encode())
    assert isinstance(written, Written), written
    return written.value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: yes", {"a": "yes"}),
        ("a: 2026-01-31", {"a": "2026-01-31"}),
        ("a: 2026-01-31T12:00:00Z", {"a": "2026-01-31T12:00:00Z"}),
        ("a: 1:30", {"a": "1:30"}),
        ("a: 1_000", {"a": "1_000"}),
        ("a: 017", {"a": 17}),
        ("a: [0o17, 0x1F, -3, 1e3, .5, 1.]", {"a": [15, 31, -3, 1000.0, 0.5, 1.0]}),
        ("a: [true, False, NULL, ~, null, ]", {"a": [True, False, None, None, None]}),
        ("a: [\"true\", '1']", {"a": ["true", "1"]}),
        ("a: |\n  two\n  lines\n", {"a": "two\nlines\n"}),
        ("", None),
        ("# nothing\n", None),
    ],
)
def test_scalars_are_read_as_yaml_1_2_does(text: str, value: object) -> None:
    assert value_of(text) == value


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("a: 1\nb: &x 2", 2, "anchors"),
        ("a: 1\nb: *x", 2, "anchors"),
        ("a:\n- !!str 1", 2, "tags"),
        ("a: !ours {}", 1, "tags"),
        ("a: 1\nb: 2\na: 3", 3, "first in line 1"),
        ("a: {b: 1,\n  b: 2}", 2, "first in line 1"),
        ("1: x", 1, "not text"),
        ("? [a]\n: x", 1, "not text"),
        ("a: 1\n---\nb: 1", 2, "second document"),
        ("a: .nan", 1, "JSON can't hold"),
        ("a: 1e999", 1, "JSON can't hold"),
        ("a: 9007199254740992", 1, "JSON can't hold"),
        ('a: "\\ud800"', 1, "surrogate"),
        ('{"a": "\\ud800"}', 1, "surrogate"),
        ('{"a": "x\\u0000"}', 1, "NUL"),
        ('{"a": 1,\n"a": 2}', 2, "first in line 1"),
        ('{"a": 9007199254740992}', 1, "JSON can't hold"),
        ('a: "x\\0"', 1, "NUL"),
        ("[" * 70, 1, "deeper"),
        ('a: 1\nb: "open', 2, "not YAML"),
        ("a: 1\n b: 2", 2, "not YAML"),
        ("a: \x00", 1, "not YAML"),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused_with_its_line(text: str, line: int, says: str) -> None:
    problem = read_yaml(text.encode())
    assert isinstance(problem, Problem)
    assert problem.line == line
    assert says in problem.what


def test_a_file_that_is_not_utf8_is_refused_with_its_line() -> None:
    problem = read_yaml(b"a: 1\nb: \xff")
    assert isinstance(problem, Problem)
    assert (problem.line, problem.what) == (2, "not UTF-8")


def test_a_file_over_the_limit_is_refused_unread() -> None:
    assert isinstance(read_yaml(b"#" * (MAX_BYTES + 1)), Problem)
    assert isinstance(read_yaml(b"{" + b" " * MAX_JSON_BYTES + b"}"), Problem)
    assert isinstance(read_yaml(b"{" + b" " * MAX_BYTES + b"a: 1}"), Problem)


def test_json_may_be_larger_than_yaml() -> None:
    raw = b'{"a": [' + b" " * MAX_BYTES + b"1]}"
    written = read_yaml(raw)
    assert isinstance(written, Written)
    assert written.value == {"a": [1]}


@given(JSON, st.sampled_from([None, 1]))
def test_json_knows_the_same_lines_as_yaml(value: object, indent: int | None) -> None:
    text = json.dumps({"it": value}, indent=indent)
    as_json, as_yaml = read_yaml(text.encode()), read_yaml(b"# as YAML\n" + text.encode())
    assert isinstance(as_json, Written)
    assert isinstance(as_yaml, Written)
    assert {path: line + 1 for path, line in as_json.lines.items()} == as_yaml.lines


def test_every_value_knows_its_line() -> None:
    written = read_yaml(b"tools:\n  - name: a\n\n  - name: b\n    risk: LOW\n")
    assert isinstance(written, Written)
    assert written.lines[("tools", 1)] == 4
    assert written.lines[("tools", 1, "risk")] == 5


@given(JSON)
def test_json_is_read_as_json_and_as_the_yaml_that_it_is(value: object) -> None:
    text = json.dumps({"it": value})
    assert value_of(text) == {"it": value}
    assert value_of("---\n" + text) == {"it": value}


@given(st.text(max_size=80) | st.text("ab:-[]{}&*!|>'\"#%@`,? \n\t", max_size=80))
def test_no_text_breaks_the_reader(text: str) -> None:
    assert isinstance(read_yaml(text.encode("utf-8", "surrogatepass")), Written | Problem)


@given(st.binary(max_size=60))
def test_no_bytes_break_the_reader(raw: bytes) -> None:
    assert isinstance(read_yaml(raw), Written | Problem)
