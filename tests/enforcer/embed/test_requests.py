"""What a program hands over becomes one request of the wire, whatever it is."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enforcer.embed.requests import request
from enforcer.mcp.admission import admit_message, admit_transport
from enforcer.mcp.admitted import Admitted
from enforcer.mcp.faults import Refusal
from enforcer.mcp.sessions import Sessions


def read(name: str, arguments: Any, **more: Any) -> Admitted | Refusal:
    given = {"token": "t", "public_url": "http://gate/mcp", "traceparent": None, "schema": {}, **more}
    made = request("tools/call", {"name": name, "arguments": arguments}, **given)
    refusal = admit_transport(made, allowed_hosts=frozenset({"gate"}), allowed_origins=frozenset())
    return refusal or admit_message(
        made,
        sessions=Sessions(on_end=lambda _: None),
        principal=("i", "s"),
        server_id="files",
        max_bytes=100_000,
        now=0.0,
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=20), st.dictionaries(st.text("abc"), JSON, max_size=3)
)
def test_a_name_and_arguments_that_are_json_arrive_as_they_were_given(name: str, arguments: dict[str, Any]) -> None:
    admitted = read(name, arguments)
    if isinstance(admitted, Refusal):
        return  # what the wire refuses of everybody is refused here too
    assert (admitted.params["name"], admitted.arguments) == (name, arguments)


def test_a_plain_call_is_admitted() -> None:
    assert isinstance(read("greet", {"whom": "you"}), Admitted)


def nested(levels: int) -> Any:
    found: Any = 1
    for _ in range(levels):
        found = [found]
    return found


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), "\ud800", object(), {1, 2}, 10**400, nested(200), nested(10**5)]
)
def test_what_is_no_json_is_refused_and_not_raised(value: Any) -> None:
    assert isinstance(read("greet", {"whom": value}), Refusal)


@pytest.mark.parametrize("place", ["token", "traceparent"])
@pytest.mark.parametrize("text", ["a\r\nhost: evil", "\u4e2d", "\x00"])
def test_no_text_becomes_another_header(place: str, text: str) -> None:
    made = request(
        "tools/call", {}, **{"token": "t", "traceparent": None, "public_url": "http://gate", "schema": {}, place: text}
    )
    assert [value for name, value in made.headers if name == b"host"] == [b"gate"]
