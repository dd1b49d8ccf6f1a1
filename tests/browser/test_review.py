"""A reviewer at a browser: a changed tool in the queue, old beside new, approved; then its call passes."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Hands, Job, Visitor
from tests.support.processes import wait_for
from tests.support.shifting import POISONED, Shifty
from tests.support.system import System


@pytest.fixture(scope="module")
def shifty(system: System) -> Shifty:
    """Approved once, and changed since."""
    made = Shifty(system)
    wait_for(lambda: "fs_read  unreviewed" in made.waiting(), "the tool in the queue", timeout_s=30)
    made.approve()
    made.says(POISONED)
    wait_for(lambda: "fs_read  changed" in made.waiting(), "the change in the queue", timeout_s=30)
    return made


@pytest.mark.timeout(300)
def test_a_changed_tool_is_looked_at_and_approved_and_its_call_passes(
    shifty: Shifty, visitor: Visitor, job: Job
) -> None:
    assert shifty.codes() == ["DENY_TOOL_CHANGED"]
    page = visitor.visit("/")
    with job("Review a changed tool") as hands:
        review(page, hands)
    shifty.until()


def review(page: Page, hands: Hands) -> None:
    hands.click(page.get_by_role("navigation").get_by_role("link", name="Reviews"))
    row = page.get_by_role("row", name="fs_read")
    expect(row).to_contain_text("inputSchema.properties.to (wider)")
    hands.click(row.get_by_role("link"))
    expect(page.locator("del")).to_have_count(0)
    expect(page.locator("ins").first).to_be_visible()
    expect(page.locator("body")).to_contain_text("⟨U+200B⟩")
    expect(page.get_by_text("Characters that can't be seen stand in description")).to_be_visible()
    page.get_by_label("Risk of fs_read").select_option("HIGH")
    page.get_by_label("Reason").fill("it may send now")
    hands.click(page.get_by_role("button", name="Approve it"))
    expect(page.locator("body")).to_contain_text("Approved shifty/fs_read")
    expect(page.locator("body")).to_contain_text("applied 1 of 1")


@pytest.mark.parametrize("width", [1400, 420])
def test_queue_and_review_fit_their_width(shifty: Shifty, visitor: Visitor, width: int) -> None:
    shifty.says({**POISONED, "description": "Reads a file. " + "x" * 300})
    wait_for(lambda: "fs_read  changed" in shifty.waiting(), "the change in the queue", timeout_s=30)
    page = visitor.open(viewport={"width": width, "height": 900})
    for path in ("reviews/", "review/?server=shifty"):
        page.goto(f"{visitor.web}/admin/inventory/tool/{path}")
        expect(page.locator("body")).to_contain_text("fs_read")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
