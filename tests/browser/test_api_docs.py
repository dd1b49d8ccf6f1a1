"""The page that shows the API: from our own files alone, under the strict policy, and it can be tried."""

from playwright.sync_api import expect

from tests.browser.conftest import Visitor


def test_the_document_is_shown_and_a_request_can_be_tried(visitor: Visitor) -> None:
    page = visitor.visit("/api/v1/docs/")
    expect(page.locator("#swagger-ui .info .title")).to_contain_text("Drawbridge")
    operation = page.locator("#operations-trust-levels-trust_levels_list")
    operation.locator("button.opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table .response .response-col_status").first).to_contain_text("200")
    expect(operation.locator(".live-responses-table .microlight").first).to_contain_text("internal")


def test_a_request_that_writes_carries_the_csrf_token(visitor: Visitor) -> None:
    page = visitor.visit("/api/v1/docs/")
    visitor.watch.expected |= {422}
    operation = page.locator("#operations-groups-groups_create")
    operation.locator("button.opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.locator("textarea.body-param__text").fill('{"name": 5}')
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table .response .response-col_status").first).to_contain_text("422")


def test_whoever_has_not_signed_in_is_asked_to(visitor: Visitor) -> None:
    page = visitor.open(storage_state=None)
    page.goto(f"{visitor.web}/api/v1/docs/")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_no_validator_of_somebody_elses_is_asked(visitor: Visitor) -> None:
    page = visitor.visit("/api/v1/docs/")
    script = page.request.get(f"{visitor.web}/api/v1/docs/?script").text()
    assert '"validatorUrl": null' in script
