"""What every page has: sign-in, navigation, theme, search, a way around by keyboard."""

from playwright.sync_api import expect

from tests.browser.conftest import Visitor


def test_whoever_has_not_signed_in_is_asked_to_and_comes_back_to_the_page(visitor: Visitor) -> None:
    page = visitor.open(storage_state=None)
    page.goto(f"{visitor.web}/admin/grants/grant/")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert "next=%2Fadmin%2Fgrants%2Fgrant%2F" in page.url


def test_the_theme_follows_the_system_until_somebody_chooses_and_is_remembered(visitor: Visitor) -> None:
    page = visitor.open(color_scheme="dark")
    page.goto(visitor.web)
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.locator("details.who summary").click()
    page.get_by_role("button", name="Theme").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.reload()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != dark
    expect(page.locator("html")).to_have_attribute("data-theme", "light")


def test_a_slash_puts_the_cursor_into_the_search_box_and_finds(visitor: Visitor) -> None:
    page = visitor.visit("/")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox", name="Find anything")).to_be_focused()
    page.keyboard.type("ledger")
    page.keyboard.press("Enter")
    expect(page.locator("main").get_by_role("link", name="ledger", exact=True)).to_be_visible()


def test_the_first_key_leads_past_the_navigation(visitor: Visitor) -> None:
    page = visitor.visit("/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()


def test_at_420_pixels_the_menu_opens_by_a_button_and_nothing_is_cut_off(visitor: Visitor) -> None:
    page = visitor.open(viewport={"width": 420, "height": 900})
    page.goto(visitor.web)
    expect(page.locator("#places")).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    expect(page.get_by_role("link", name="Grants")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 420


def test_every_page_says_how_fresh_the_policy_is(visitor: Visitor) -> None:
    page = visitor.visit("/admin/")
    expect(page.locator(".chip")).to_contain_text("policy fresh")
