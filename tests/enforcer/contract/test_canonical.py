import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from enforcer.contract.canonical import canonical
from enforcer.contract.strict_json import MAX_INT, JsonValue

NUMBERS = st.integers(-MAX_INT, MAX_INT) | st.floats(allow_nan=False, allow_infinity=False) | st.floats(-2e3, 2e3)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT | st.text("ab"), inner, max_size=4),
)


@given(VALUES)
@example({"a": [1e15, 1e-3, 999999999999999.9, 0.001, -0.0, 1.0, 1e16, 1e-7, 5e-324]})
@example({"\U0001f600": 1, "\uffff": 2})
@example('\x00\x1f\x7f\u2028"\\/\b\f\n\r\t')
def test_the_fast_way_writes_the_bytes_of_rfc_8785(value: JsonValue) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@pytest.mark.parametrize("value", [{"a": MAX_INT + 1}, [float("nan")], {"a": float("inf")}, "\ud800"])
def test_what_rfc_8785_cannot_express_is_refused(value: JsonValue) -> None:
    with pytest.raises(ValueError, match=r"."):
        canonical(value)
