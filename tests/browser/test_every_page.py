"""Every page that links lead to, in Chromium: nothing that the policy forbids, no error, no other host, readable."""

from collections import Counter
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import Resolver404, resolve
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitor

EACH = 2  # pages of one kind that are looked at
SKIPPED = ("/accounts/logout/", "/static/", "/api/v1/schema", "/admin/receipts/receipt/keys/")  # the last is a file
MAIN_PAGES = (
    "/",
    "/live/",
    "/find/?q=ledger",
    "/matrix/ledger/",
    "/admin/",
    "/admin/grants/grant/",
    "/admin/grants/grant/add/",
    "/admin/incidents/killswitch/",
    "/admin/incidents/killswitch/add/?target=server:ledger",
    "/admin/inventory/tool/reviews/",
    "/admin/policy/change/",
    "/admin/receipts/receipt/",
    "/admin/fleet/enforcer/",
    "/admin/notices/notice/",
)


def links(page: Page) -> list[str]:
    """Addresses on the page, of this site, in their order, without what stands after #."""
    found: list[str] = page.eval_on_selector_all("a[href]", "all => all.map(a => a.href)")
    return [link.split("#")[0] for link in found]


def kind(link: str) -> str:
    """Pages of one kind share a route; with or without a query makes two."""
    parts = urlsplit(link)
    try:
        route = resolve(parts.path).route
    except Resolver404:
        route = parts.path
    return f"{route}?" if parts.query else route


def crawl(visitor: Visitor, page: Page) -> dict[str, int]:
    """Visit pages until no new kind is found; returns how many of each kind were visited."""
    waiting, seen, visited = [f"{visitor.web}/"], {f"{visitor.web}/"}, Counter[str]()
    while waiting:
        link = waiting.pop(0)
        if visited[kind(link)] >= EACH or urlsplit(link).path.startswith(SKIPPED):
            continue
        visited[kind(link)] += 1
        page.goto(link, wait_until="load")
        for found in links(page):
            if found.startswith(visitor.web) and found not in seen:
                seen.add(found)
                waiting.append(found)
    return visited


@pytest.mark.timeout(400)
def test_no_page_breaks_the_content_policy_or_asks_another_host(visitor: Visitor) -> None:
    visited = crawl(visitor, visitor.open())
    for route in ("grants/grant/", "inventory/server/", "principals/principal/", "receipts/receipt/"):
        assert any(route in name for name in visited), f"{route} was not reached: {sorted(visited)}"
    assert len(visited) > 40


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_main_pages_meet_wcag_aa_in_both_themes(visitor: Visitor, theme: str) -> None:
    options: dict[str, Any] = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}}
    options["preload"] = False  # it would look for style sheets where there are none
    found: list[str] = []
    for role, path in [*((None, path) for path in MAIN_PAGES), ("auditor", "/admin/receipts/receipt/export/")]:
        page = visitor.open(*([role] if role else []), color_scheme=theme, bypass_csp=True)  # axe brings a style
        page.goto(visitor.web + path)
        expect(page.locator(".chip")).not_to_contain_text("…")
        for violation in Axe().run(page, options=options).response["violations"]:
            found += [f"{path}: {violation['id']}: {node['html'][:200]}" for node in violation["nodes"]]
    assert not found, "\n".join(found)
