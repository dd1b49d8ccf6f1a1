"""`make screenshots`: the main pages of a running control plane, 1400 and 420 pixels wide, light and dark.

Pages to look at are worth more than assertions about pages: do look at them.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.conftest import sign_in_by_link
from tests.support.bench import open_bench
from tests.support.processes import wait_for
from tests.support.shifting import POISONED, WRITE, Shifty
from tests.support.system import System, running

SIZES = {"1400": {"width": 1400, "height": 900}, "420": {"width": 420, "height": 900}}
PAGES = {
    "overview": "/",
    "switch": "/admin/incidents/killswitch/",
    "live": "/live/",
    "servers": "/admin/inventory/server/",
    "server": "/admin/inventory/server/ledger/change/",
    "tools": "/admin/inventory/tool/",
    "principals": "/admin/principals/principal/",
    "grants": "/admin/grants/grant/",
    "grant": "/admin/grants/grant/add/",
    "matrix": "/matrix/ledger/",
    "matrices": "/matrix/",
    "history": "/admin/policy/change/",
    "receipts": "/admin/receipts/receipt/",
    "reviews": "/admin/inventory/tool/reviews/",
    "review": "/admin/inventory/tool/review/?server=shifty",
    "fleet": "/admin/fleet/enforcer/",
    "everything": "/admin/",
    "find": "/find/?q=ledger",
    "notices": "/admin/notices/notice/",
    "egress": "/admin/incidents/egressblock/add/",
    "plan": "/admin/incidents/plannedkill/add/?target=server:ledger",
    "raise": "/admin/incidents/killswitch/add/?target=server:ledger",
    "story": "/admin/incidents/killswitch/1/change/",
    "version": "/admin/policy/signeddocument/2/change/",
    "export": "/admin/receipts/receipt/export/",
}
IN_DOCS = ("overview", "raise", "story", "live", "matrix", "receipts", "history")


def take(system: System, browser: Browser, out: Path, *, docs: bool) -> None:
    """All pages in all four ways, whole height; or those that docs/pages.md shows."""
    pages = {name: path for name, path in PAGES.items() if not docs or name in IN_DOCS}
    web = (system.data / "web.url").read_text().strip()
    done = system.manage("createadmin", "grace")
    state = None
    for size, viewport in SIZES.items():
        for theme in ("light", "dark"):
            context = browser.new_context(viewport=viewport, color_scheme=theme, storage_state=state)
            page = context.new_page()
            if state is None:
                sign_in_by_link(page, done.out.splitlines()[-1])
                state = context.storage_state()
            for name, path in pages.items():
                page.goto(web + path)
                expect(page.locator(".chip")).not_to_contain_text("…")
                page.screenshot(path=out / f"{name}-{size}-{theme}.png", full_page=True)
            if docs:
                context.close()
                continue
            try_a_call(page, web)
            page.screenshot(path=out / f"try-{size}-{theme}.png", full_page=True)
            page.goto(f"{web}/admin/receipts/receipt/?q=ada")
            page.locator("#result_list th a").first.click()
            expect(page.locator("ul.findings")).to_be_visible()
            page.screenshot(path=out / f"receipt-{size}-{theme}.png", full_page=True)
            context.close()


def try_a_call(page: Page, web: str) -> None:
    """A cell of the matrix, with arguments that a gate would refuse."""
    page.goto(f"{web}/matrix/ledger/")
    page.locator("table.matrix tbody a.badge").first.click()
    page.locator("#arguments").fill('{"nonce": "n1", "more": true}')
    page.get_by_role("button", name="Try it").click()
    expect(page.locator("ol.way")).to_be_visible()


def lively(system: System) -> None:
    """Some calls, some refused, a switch that is up, and a server whose tools have changed."""
    shifty = Shifty(system)
    wait_for(lambda: "fs_read" in shifty.waiting(), "the tool in the queue")
    shifty.approve()
    shifty.says(POISONED, WRITE)
    wait_for(lambda: "fs_read  changed" in shifty.waiting(), "the change in the queue", timeout_s=30)
    wait_for(lambda: "fs_write" in shifty.waiting(), "the new tool in the queue", timeout_s=30)
    ada, grace = (system.caller("gate", system.token(name)) for name in ("ada", "grace"))
    for number in range(6):
        ada.call("note", {"nonce": f"n{number}"})
        grace.call("other", {"nonce": f"o{number}"})
    system.caller("gate", None).call("note", {"nonce": "x"})
    system.manage("kill", "raise", "tool:ledger/other", "--reason", "bad rollout, INC-481")
    ada.call("other", {"nonce": "stopped"})
    grace.call("other", {"nonce": "stopped"})


def main() -> int:
    """Where the pictures are is the last line."""
    parser = argparse.ArgumentParser(prog="make screenshots")
    parser.add_argument("--out", type=Path, default=Path("var/screenshots"))
    parser.add_argument("--docs", action="store_true", help="those of docs/pages.md, into docs/images/pages")
    given = parser.parse_args()
    out: Path = Path("docs/images/pages") if given.docs else given.out
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, running(Path(home)) as system, sync_playwright() as driver:
        open_bench(system)
        lively(system)
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"])
        take(system, browser, out, docs=given.docs)
        browser.close()
    sys.stdout.write(f"{out}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
