"""Jobs of the people who run Drawbridge, done in a browser: docs/how-to/jobs.md says how, and in how many clicks."""

import re
import time
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from enforcer.verify import verify
from tests.browser.conftest import Job, Visitor
from tests.support.processes import wait_for
from tests.support.system import System


def nav(page: Page, name: str) -> Locator:
    """Beside the name may stand how many wait."""
    return page.get_by_role("navigation").get_by_role("link", name=re.compile(rf"^{name}( \d+)?$"))


def test_a_tool_is_stopped_everywhere_and_seen_confirmed(visitor: Visitor, system: System, ada: str, job: Job) -> None:
    caller = system.caller("gate", ada)
    page = visitor.visit("/")
    with job("Stop a tool everywhere and see it confirmed") as hands:
        hands.click(nav(page, "Switch"))
        hands.click(page.get_by_role("link", name="Raise a kill switch"))
        page.get_by_label("Target").press_sequentially("other")
        expect(page.locator('#targets option[value="tool:ledger/other"]')).to_be_attached()
        page.get_by_label("Target").fill("tool:ledger/other")
        expect(page.locator("#effect")).to_contain_text("calls of it passed")
        page.get_by_label("Reason:", exact=True).fill("INC-481, it writes where it should not")
        hands.click(page.get_by_role("button", name="Raise"))
        expect(page.locator("body")).to_contain_text("applied 1 of 1")
        expect(page.locator("body")).to_contain_text("gate")
    try:
        assert caller.call("other", {"nonce": "inside"}).codes[0] == "DENY_KILL_SWITCH"
    finally:
        assert system.manage("kill", "lower", "tool:ledger/other", "--reason", "test").code == 0


def test_a_refusal_is_found_understood_and_fixed(visitor: Visitor, system: System, grace: str, job: Job) -> None:
    caller = system.caller("gate", grace)
    assert caller.call("other", {"nonce": "inside"}).codes == ["DENY_NO_MATCHING_RULE"]
    page = visitor.visit("/")
    refused = page.locator("tr", has_text="grace").filter(has_text="DENY_NO_MATCHING_RULE").first

    def shown() -> bool:
        page.reload()
        return refused.count() > 0

    wait_for(shown, "the refusal on the overview")
    with job("Find out why a call was refused, and fix it") as hands:
        hands.click(refused.get_by_role("link").first)
        hands.click(page.locator("#result_list tbody tr", has_text="grace").first.get_by_role("link").first)
        expect(page.locator("body")).to_contain_text("DENY_NO_MATCHING_RULE")
        hands.click(page.get_by_role("link", name="Grant access"))
        page.get_by_label("Reason:", exact=True).fill("grace reads the other one too")
        hands.click(page.get_by_role("button", name="Save", exact=True))
        expect(page.locator("body")).to_contain_text("applied 1 of 1")
    assert caller.call("other", {"nonce": "inside"}).codes == []


def test_an_agent_is_given_read_access_to_one_server(visitor: Visitor, system: System, job: Job) -> None:
    token = system.token("nobody")
    caller = system.caller("gate", token)
    assert caller.call("note", {"nonce": "n"}).codes == ["DENY_NO_MATCHING_RULE"]
    page = visitor.visit("/")
    with job("Give an agent read access to one server") as hands:
        page.keyboard.press("/")
        page.keyboard.type("nobody")
        page.keyboard.press("Enter")
        hands.click(page.locator("main").get_by_role("link", name="nobody").first)
        hands.click(page.get_by_role("link", name="Grant access").first)
        hands.click(page.get_by_role("combobox", name="Server", exact=True))
        page.locator(".select2-search__field").fill("ledger")
        hands.click(page.locator(".select2-results__option", has_text=re.compile("^ledger$")))
        page.get_by_label("Tools").fill("note")
        page.get_by_label("Reason:", exact=True).fill("it reads the ledger")
        hands.click(page.get_by_role("button", name="Save", exact=True))
        expect(page.locator("body")).to_contain_text("applied 1 of 1")
    assert caller.call("note", {"nonce": "n"}).codes == []


def test_the_change_of_this_morning_is_rolled_back(visitor: Visitor, system: System, ada: str, job: Job) -> None:
    caller = system.caller("gate", ada)
    deny = {"id": "this-morning", "effect": "deny", "principal": "ada", "server": "ledger", "tools": ["note"]}
    system.apply({"grants": [deny]})
    wait_for(lambda: caller.call("note", {"nonce": "n"}).codes == ["DENY_NO_PERMISSION"], "the deny at the gate")
    page = visitor.visit("/")
    with job("Roll back this morning's change") as hands:
        hands.click(page.locator("section.card", has_text="Changes of the policy").locator("tbody a").first)
        expect(page.locator("body")).to_contain_text("+ grant this-morning")
        hands.click(page.get_by_role("link", name="Roll it back"))
        expect(page.locator("body")).to_contain_text("- grant this-morning")
        hands.click(page.get_by_role("button", name="Roll back"))
        expect(page.locator("body")).to_contain_text("applied 1 of 1")
    assert caller.call("note", {"nonce": "n"}).codes == []


def test_an_auditor_is_handed_receipts_that_verify_without_us(
    visitor: Visitor, system: System, ada: str, job: Job, tmp_path: Path
) -> None:
    assert system.caller("gate", ada).call("note", {"nonce": "n"}).codes == []
    system.receipts()  # it has arrived
    page = visitor.open("auditor")
    page.goto(visitor.web)
    with job("Hand an auditor last month's receipts") as hands:
        hands.click(nav(page, "Receipts"))
        hands.click(page.get_by_role("link", name="Export…"))
        page.get_by_label("Until").fill(
            time.strftime("%Y-%m-%d", time.gmtime(time.time() + 86_400))
        )  # they are of today
        page.get_by_label("Server").fill("ledger")
        with page.expect_download() as lines:
            hands.click(page.get_by_role("button", name="JSON Lines, to verify"))
        with page.expect_download() as keys:
            hands.click(page.get_by_role("link", name="public keys"))
    lines.value.save_as(tmp_path / "receipts.jsonl")
    keys.value.save_as(tmp_path / "keys.json")
    assert verify(tmp_path / "receipts.jsonl", tmp_path / "keys.json") == 0
    assert b'"tool_name":"note"' in (tmp_path / "receipts.jsonl").read_bytes()
