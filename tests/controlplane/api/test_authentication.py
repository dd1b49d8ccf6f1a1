"""Who gets in: tokens, and whoever is signed in in the browser."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from controlplane.accounts.models import ApiToken, User
from controlplane.accounts.services import create_user, revoke_api_token
from controlplane.api import throttles
from controlplane.common.actor import Right
from controlplane.incidents.models import KillSwitch
from tests.controlplane.actors import ADA
from tests.controlplane.api.asking import Asker, asker, done, problem, token_with

pytestmark = pytest.mark.django_db
LIST, RAISE, LOWER = "/api/v1/kill-switches", "/api/v1/kill-switches/raise", "/api/v1/kill-switches/lower"
BODY = {"target": "all", "reason": "x"}


@pytest.fixture(autouse=True)
def _nothing_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    cache.clear()
    monkeypatch.setattr(throttles.PerCaller, "counts", {})


def with_header(text: str) -> Asker:
    return Asker({"Authorization": text})


def test_a_token_speaks_for_itself_and_its_last_use_is_noted() -> None:
    done(asker(name="deploy").post("/kill-switches/raise", BODY), 201)
    assert KillSwitch.objects.get().raised_by == "token:deploy"
    assert ApiToken.objects.get().last_used_at is not None


@pytest.mark.parametrize("text", ["Token", "Token ", "Token x", "Token dbk_", "Token dbk_a_b", "Token dbk_\xe9_b"])
def test_what_is_no_token_is_401(text: str) -> None:
    assert problem(with_header(text).get("/kill-switches"))["status"] == 401


@pytest.mark.parametrize("scheme", ["Bearer", "Basic", "dbk"])
def test_another_scheme_is_401(scheme: str) -> None:
    assert problem(with_header(f"{scheme} {token_with()}").get("/kill-switches"))["status"] == 401


def test_a_revoked_an_expired_and_a_changed_token_are_401() -> None:
    token = token_with(Right.VIEW)
    row = ApiToken.objects.get()
    assert problem(with_header(f"Token {token[:-1]}x").get("/kill-switches"))["status"] == 401
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert problem(with_header(f"Token {token}").get("/kill-switches"))["status"] == 401
    ApiToken.objects.update(expires_at=timezone.now() + timedelta(days=1))
    done(with_header(f"Token {token}").get("/kill-switches"))
    revoke_api_token(key=row.key, actor=ADA)
    assert problem(with_header(f"Token {token}").get("/kill-switches"))["status"] == 401


def test_too_many_wrong_tokens_are_429_and_a_right_one_still_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttles, "FAILED_LIMIT", 3)
    for _ in range(3):
        assert problem(with_header("Token wrong").get("/kill-switches"))["status"] == 401
    refused = with_header("Token wrong").get("/kill-switches")
    assert problem(refused)["status"] == 429
    assert 0 <= int(refused.headers["Retry-After"]) <= 60
    done(asker().get("/kill-switches"))


def test_a_caller_who_asks_too_much_is_429_another_is_not_and_a_kill_always_passes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(throttles, "CALLER_LIMIT", 2)
    greedy = asker(name="greedy")
    assert [greedy.get("/kill-switches").status_code for _ in range(3)] == [200, 200, 429]
    done(asker(name="modest").get("/kill-switches"))
    done(greedy.post("/kill-switches/raise", BODY), 201)


def test_requests_of_all_processes_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttles, "CALLER_LIMIT", 50)
    monkeypatch.setattr(throttles, "_window", lambda: 1)  # the minute must not end in between
    one = asker()
    statuses = []
    for requests in (1 + 2 * throttles.STEP, 20):
        statuses += [one.get("/kill-switches").status_code for _ in range(requests)]
        monkeypatch.setattr(throttles.PerCaller, "counts", {})  # as another process, which has counted nothing
    assert statuses == [200] * 50 + [429] * 11


@pytest.fixture
def browser() -> Client:
    """Signed in as a responder, with the CSRF check of a real browser."""
    user = create_user(username="grace", roles=["responder"], actor=ADA)
    client = Client(enforce_csrf_checks=True)
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return client


def test_a_session_reads_and_writes_with_its_csrf_token_and_its_own_rights(browser: Client) -> None:
    assert browser.get(LIST).status_code == 200
    browser.get("/api/v1/docs/?script")
    csrf = browser.cookies["drawbridge_csrf"].value
    written = browser.post(RAISE, BODY, content_type="application/json", headers={"X-CSRFToken": csrf})
    assert written.status_code == 201, written.content
    assert KillSwitch.objects.get().raised_by == "grace"
    issued = browser.post("/api/v1/tokens", {}, content_type="application/json", headers={"X-CSRFToken": csrf})
    assert problem(issued)["code"] == "issue_tokens"


def test_what_the_pages_want_a_fresh_sign_in_for_a_session_does_not_get_around(browser: Client) -> None:
    browser.post(RAISE, BODY, content_type="application/json")
    browser.get("/api/v1/docs/?script")
    headers = {"X-CSRFToken": browser.cookies["drawbridge_csrf"].value}
    user = User.objects.get()
    user.set_password("correct-horse-battery-staple")  # who has none can't be asked for it again
    user.groups.set(Group.objects.filter(name="admin"))
    user.save()
    browser.force_login(user, "django.contrib.auth.backends.ModelBackend")
    fresh = browser.post(f"{LOWER}", BODY, content_type="application/json", headers=headers)
    assert fresh.status_code == 200, fresh.content
    session = browser.session
    session["began"] = session["began"] - 600
    session.save()
    assert problem(browser.post(f"{LOWER}", BODY, content_type="application/json", headers=headers))["code"] == (
        "fresh_sign_in"
    )
    assert browser.get(LIST).status_code == 200


def test_a_session_without_csrf_token_writes_nothing(browser: Client) -> None:
    refused = browser.post(RAISE, BODY, content_type="application/json")
    assert problem(refused)["status"] == 403
    assert not KillSwitch.objects.exists()


def test_a_session_without_second_factor_reads_nothing_where_one_is_required(
    browser: Client, settings: Settings
) -> None:
    settings.MFA_REQUIRED = True
    assert problem(browser.get(LIST))["status"] == 403


def test_a_closed_account_is_401(browser: Client) -> None:
    User.objects.update(is_active=False)
    assert problem(browser.get(LIST))["status"] == 401


def test_a_wrong_token_is_not_made_good_by_a_session(browser: Client) -> None:
    assert problem(browser.get(LIST, headers={"Authorization": "Token wrong"}))["status"] == 401
