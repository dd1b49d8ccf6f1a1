"""Characters that can't be seen are shown on every page, and nowhere else."""

import pytest
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from hypothesis import given
from hypothesis import strategies as st

from controlplane.common.unseen import UNSEEN, shortened, unseen_made_visible, visible

HIDDEN = {
    "\x00": "U+0000",
    "\x1b": "U+001B",
    "\x7f": "U+007F",
    "\x85": "U+0085",
    "\u00ad": "U+00AD",
    "\u061c": "U+061C",
    "\u200b": "U+200B",
    "\u200d": "U+200D",
    "\u200e": "U+200E",
    "\u2028": "U+2028",
    "\u202e": "U+202E",
    "\u2066": "U+2066",
    "\u2069": "U+2069",
    "\u3164": "U+3164",
    "\ufe00": "U+FE00",
    "\ufeff": "U+FEFF",
    "\U000e0041": "U+E0041",
}


@pytest.mark.parametrize(("char", "name"), HIDDEN.items(), ids=HIDDEN.values())
def test_what_can_not_be_seen_is_named(char: str, name: str) -> None:
    assert visible(f"a{char}b") == f"a⟨{name}⟩b"


@pytest.mark.parametrize("text", ["plain", "tab\tand\nlines\r\n", "größe", "日本語", "❤️", "👩🏽"])
def test_what_can_be_seen_stays(text: str) -> None:
    assert visible(text) == text


@given(st.text())
def test_nothing_unseen_is_left_and_doing_it_twice_changes_nothing(text: str) -> None:
    shown = visible(text)
    assert not UNSEEN.search(shown)
    assert visible(shown) == shown


def test_a_long_text_says_how_much_is_left_out() -> None:
    assert shortened("x" * 1500, 100) == "x" * 100 + "… (1,400 more characters)"
    assert shortened("\u202e" * 3, 3) == "⟨U+202E⟩" * 3


def page(body: str, **headers: str) -> HttpResponse:
    def view(_: HttpRequest) -> HttpResponse:
        response = HttpResponse(body)
        for name, value in headers.items():
            response.headers[name.replace("_", "-")] = value
        return response

    return unseen_made_visible(view)(HttpRequest())


def test_a_page_is_changed_and_its_length_follows() -> None:
    made = page("<p>a\u202eb</p>", Content_Length="13")
    assert made.content.decode() == "<p>a⟨U+202E⟩b</p>"
    assert int(made.headers["Content-Length"]) == len(made.content)


@pytest.mark.parametrize("kind", ["application/json", "text/plain; charset=utf-8", "application/octet-stream"])
def test_what_is_no_page_goes_out_as_it_is(kind: str) -> None:
    assert page("a\u202eb", Content_Type=kind).content.decode() == "a\u202eb"


def test_streams_are_left_alone() -> None:
    def view(_: HttpRequest) -> StreamingHttpResponse:
        return StreamingHttpResponse(["a\u202eb"])

    streamed = unseen_made_visible(view)(HttpRequest())  # type: ignore[arg-type]
    assert isinstance(streamed, StreamingHttpResponse)
    assert not isinstance(streamed, FileResponse)
    assert b"".join(streamed).decode() == "a\u202eb"
