"""Text of servers, agents and typed reasons: markup, bidi, zero width, ANSI, 100 kB. Inert and visible everywhere."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitor
from tests.support.system import System

MARKUP = "<img src=x onerror='window.pwned=1'><script>window.pwned=1</script>{{7*7}}"
UNSEEN = "abc\u202edcba\u200bend\x1b[31mred"
SHOWN = ("⟨U+202E⟩", "⟨U+200B⟩", "⟨U+001B⟩")
LONG = "x" * 100_000
TOOL = "<b onmouseover='window.pwned=1'>read</b>"
PATHS = (
    "/",
    "/find/?q=%3Cscript%3Ewindow.pwned%3D1%3C%2Fscript%3E%E2%80%AE",
    "/admin/inventory/server/",
    "/admin/inventory/server/hostile/change/",
    "/admin/inventory/server/hostile/history/",
    "/admin/inventory/tool/?q=onmouseover",
    "/admin/grants/grant/?q=eve",
    "/admin/incidents/killswitch/",
    "/admin/policy/change/",
    "/admin/receipts/receipt/",
)


@pytest.fixture(scope="module")
def hostile(system: System) -> System:
    """A server, a tool, a grant, a switch and calls that all try."""
    schema = {"type": "object", "title": MARKUP, "description": f"{UNSEEN} {MARKUP} {LONG}", "properties": {"a": {}}}
    system.apply(
        {
            "servers": [{"id": "hostile", "title": MARKUP, "trust_level": "unknown"}],
            "tools": [{"server": "hostile", "name": TOOL, "risk": "LOW", "input_schema": schema}],
            "principals": [{"subject": f"eve {MARKUP}"}],
            "grants": [
                {"principal": f"eve {MARKUP}", "server": "hostile", "tools": ["*"], "reason": f"{UNSEEN} {MARKUP}"}
            ],
        }
    )
    raised = system.manage("kill", "raise", "tool:hostile/*", "--reason", f"{UNSEEN} {MARKUP}")
    assert raised.code == 0, raised
    caller = system.caller("gate", system.token("ada"))
    answer = caller.request("tools/call", {"name": TOOL, "arguments": {"x": UNSEEN}})
    assert answer.body is not None
    system.receipts()
    return system


def inner_pages(page: Page) -> list[str]:
    """What a list leads to."""
    page.goto(page.url)
    found: list[str] = page.eval_on_selector_all("#result_list tbody a[href]", "all => all.map(a => a.href)")
    return sorted({link for link in found if re.search(r"/change/|/\?|/\d+/", link)})[:6]


@pytest.mark.timeout(300)
def test_hostile_text_is_inert_and_what_cannot_be_seen_is_shown(hostile: System, visitor: Visitor) -> None:
    page = visitor.open()
    texts: list[str] = []
    waiting = [visitor.web + path for path in PATHS]
    while waiting:
        link = waiting.pop(0)
        page.goto(link)
        assert page.evaluate("window.pwned") is None, link
        assert page.locator("img[src=x], [onerror], [onmouseover], script:has-text('pwned')").count() == 0, link
        raw = page.content()
        assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b\x1b]", raw), link
        assert len(raw) < 400_000, link
        texts.append(page.locator("body").inner_text())
        if page.locator("#result_list").count():
            waiting += inner_pages(page)
    whole = "\n".join(texts)
    for shown in SHOWN:
        assert shown in whole
    assert "<script>window.pwned=1</script>" in whole


def test_a_reason_of_nothing_but_unseen_characters_is_readable_in_the_banner(hostile: System, visitor: Visitor) -> None:
    page = visitor.visit("/")
    expect(page.locator(".alarm").first).to_contain_text("⟨U+202E⟩")
