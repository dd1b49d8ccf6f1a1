import json

from hypothesis import given
from hypothesis import strategies as st

from enforcer.pipeline.redact import redacted

SECRET = "canary-7f3a"


def test_keys_and_types_are_shown_and_values_are_not() -> None:
    assert redacted({"path": "/etc", "n": 1, "f": 1.5, "b": True, "z": None, "l": [1, 2], "o": {"p": "x"}}) == {
        "path": "string",
        "n": "integer",
        "f": "number",
        "b": "boolean",
        "z": "null",
        "l": "array of 2",
        "o": {"p": "string"},
    }


def test_wide_objects_are_counted() -> None:
    assert redacted({str(n): n for n in range(200)})["…"] == "72 more"


def test_keys_take_a_bounded_part_of_a_receipt() -> None:
    shown = json.dumps(redacted({"\x01" * 200 + str(n): n for n in range(200)}))
    assert len(shown) < 32_000
    assert "more" in shown


@given(
    st.recursive(
        st.just(SECRET) | st.integers(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner),
    )
)
def test_no_value_ever_shows(value: object) -> None:
    assert SECRET not in json.dumps(redacted({"x": value}))  # type: ignore[dict-item]
