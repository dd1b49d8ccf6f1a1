import pytest

from enforcer.pipeline.trace import new_trace_id, trace_id_of

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.parametrize("extra", ["", "-what-comes-later"])
def test_the_trace_id_of_a_valid_traceparent_is_kept(extra: str) -> None:
    assert trace_id_of(f"00-{TRACE}-00f067aa0ba902b7-01{extra}") == TRACE


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        TRACE,
        f"ff-{TRACE}-00f067aa0ba902b7-01",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}-{'0' * 16}-01",
    ],
)
def test_anything_else_is_no_trace(text: str | None) -> None:
    assert trace_id_of(text) is None


def test_a_new_trace_id_would_be_accepted_by_others() -> None:
    assert trace_id_of(f"00-{new_trace_id()}-00f067aa0ba902b7-00")
