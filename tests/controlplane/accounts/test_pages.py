"""Pages of signing in and of one's own account: all in our frame, none with anything that the policy forbids."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from controlplane.accounts.models import User
from controlplane.accounts.services import new_password_link
from controlplane.accounts.sessions import BEGAN
from tests.controlplane.actors import ADA
from tests.controlplane.people import HOSTILE, assert_inert, person

pytestmark = pytest.mark.django_db
PASSWORD = "correct-horse-battery"
CLOSED = ("signup/", "email/", "confirm-email/", "confirm-email/x/", "password/reset/", "password/reset/done/",
          "login/code/confirm/", "3rdparty/signup/", "social/signup/", "social/connections/")  # fmt: skip
FORBIDDEN = re.compile(
    r"""<style|\sstyle=|\son[a-z]+=["']|javascript:|<script(?![^>]*(\ssrc=|type="application/json"))"""
)


def ada() -> User:
    user = person("viewer", username="ada")
    user.set_password(PASSWORD)
    user.save()
    return user


def signed_in(user: User) -> Client:
    """Through the form, as a person does."""
    client = Client()
    answer = client.post("/accounts/login/", {"login": user.get_username(), "password": PASSWORD})
    assert answer.status_code == 302, answer.content.decode()
    return client


def with_factor(user: User) -> str:
    """The secret of an authenticator app, and recovery codes."""
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    RecoveryCodes.activate(user)
    return secret


def addresses(resolver: URLResolver | None = None, before: str = "") -> Iterator[str]:
    """Of all that is routed under /accounts/, with something in place of each parameter."""
    for entry in (resolver or get_resolver()).url_patterns:
        route = before + str(entry.pattern)
        if isinstance(entry, URLResolver) and (route.startswith("accounts/") or "accounts/".startswith(route)):
            yield from addresses(entry, route)
        elif isinstance(entry, URLPattern) and route.startswith("accounts/") and "(?P" not in route:
            yield "/" + re.sub(r"<int:\w+>", "1", re.sub(r"<(?:path:|slug:|str:)?\w+>", "x", route))
    if resolver is None:
        yield from ("/accounts/confirm-email/x/", "/accounts/password/reset/key/1-x/", "/accounts/social/x/")


def assert_ours(page: str) -> None:
    assert "drawbridge/drawbridge.css" in page
    assert not FORBIDDEN.search(page), FORBIDDEN.search(page)


def pages_of(client: Client) -> dict[str, str]:
    """Those that answer with a page."""
    found: dict[str, str] = {}
    for url in dict.fromkeys(addresses()):
        answer = client.get(url)
        assert answer.status_code < 500, url
        if answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/html"):
            found[url] = answer.content.decode()
    return found


def test_there_are_addresses_to_look_at() -> None:
    assert len(set(addresses())) > 30


def test_every_page_is_ours_for_whoever_is_not_signed_in() -> None:
    found = pages_of(Client())
    assert {"/accounts/login/", "/accounts/inactive/"} <= found.keys()
    for page in found.values():
        assert_ours(page)


@pytest.mark.parametrize("factor", [False, True])
def test_every_page_is_ours_for_whoever_is(factor: bool) -> None:
    user = ada()
    client = signed_in(user)
    if factor:
        with_factor(user)
    found = pages_of(client)
    wanted = {"/accounts/2fa/", "/accounts/password/change/", "/accounts/sessions/", "/accounts/logout/",
              "/accounts/2fa/webauthn/add/", "/accounts/reauthenticate/"}  # fmt: skip
    wanted |= (
        {"/accounts/2fa/recovery-codes/", "/accounts/2fa/totp/deactivate/"}
        if factor
        else {"/accounts/2fa/totp/activate/"}
    )
    assert wanted <= found.keys(), wanted - found.keys()
    for page in found.values():
        assert_ours(page)


def test_the_page_that_asks_for_the_second_factor_is_ours() -> None:
    user = ada()
    with_factor(user)
    client = Client()
    answer = client.post("/accounts/login/", {"login": "ada", "password": PASSWORD}, follow=True)
    assert answer.redirect_chain[-1][0].startswith("/accounts/2fa/authenticate/")
    assert_ours(answer.content.decode())
    assert client.get("/").status_code == 302, "nobody is signed in by the password alone"


@pytest.mark.parametrize("path", CLOSED)
def test_pages_that_make_no_sense_here_do_not_exist(path: str) -> None:
    for client in (Client(), signed_in(ada())):
        assert client.get(f"/accounts/{path}").status_code == 404
        assert client.post(f"/accounts/{path}", {"email": "a@example.org", "username": "x"}).status_code == 404
        User.objects.filter(username="ada").delete()
    assert not User.objects.filter(username="x").exists()


def test_no_page_sends_anybody_to_one_that_does_not_exist() -> None:
    for client in (Client(), signed_in(ada())):
        for page in pages_of(client).values():
            for path in CLOSED:
                assert f'"/accounts/{path}"' not in page


def test_a_link_that_was_used_says_what_to_do() -> None:
    page = Client().get("/accounts/password/reset/key/1-wrong/").content.decode()
    assert "Ask an admin for a new one" in page
    assert_ours(page)


def test_a_link_asks_for_the_second_factor_that_was_set_up() -> None:
    user = ada()
    with_factor(user)
    path = new_password_link(user=user, actor=ADA).removeprefix("http://127.0.0.1:8000")
    client = Client()
    where = client.get(path, follow=True).redirect_chain[-1][0]
    new = {"password1": PASSWORD + "2", "password2": PASSWORD + "2"}
    answer = client.post(where, new, follow=True)
    assert answer.redirect_chain[-1][0].startswith("/accounts/2fa/authenticate/")
    assert client.get("/").status_code == 302


@pytest.mark.parametrize("password", ["short", "password1234", "123456789012345", "ada-ada-ada-ada"])
def test_a_weak_password_is_refused(password: str) -> None:
    user = person("viewer", username="ada-ada-ada")
    path = new_password_link(user=user, actor=ADA).removeprefix("http://127.0.0.1:8000")
    client = Client()
    where = client.get(path, follow=True).redirect_chain[-1][0]
    client.post(where, {"password1": password, "password2": password})
    user.refresh_from_db()
    assert not user.has_usable_password()


def test_own_sessions_are_listed_and_the_others_ended() -> None:
    user = ada()
    here, there = signed_in(user), signed_in(user)
    here.get("/")
    there.get("/")
    page = here.get("/accounts/sessions/").content.decode()
    assert page.count("<tr><td>") == 2
    assert page.count(">this one<") == 1
    for client in (here, there):
        assert str(client.session.session_key) not in page
    answer = here.post("/accounts/sessions/", follow=True).content.decode()
    assert "Ended 1 other session." in answer
    assert here.get("/").status_code == 200
    assert there.get("/").status_code == 302


def test_sessions_are_shown_to_nobody_else() -> None:
    assert Client().get("/accounts/sessions/").status_code == 302
    other = person("viewer", username="vera")
    client = Client()
    client.force_login(other)
    signed_in(ada()).get("/")
    client.get("/")
    assert client.get("/accounts/sessions/").content.decode().count("<tr><td>") == 1


def test_recovery_codes_are_shown_after_a_fresh_sign_in_only() -> None:
    user = ada()
    client = signed_in(user)
    with_factor(user)
    client.get("/")
    session = client.session
    session[BEGAN] -= 3600
    session["account_authentication_methods"] = []
    session.save()
    answer = client.get("/accounts/2fa/recovery-codes/")
    assert answer.status_code == 302
    assert "reauthenticate" in answer.headers["Location"]


def test_hostile_names_are_inert() -> None:
    user = ada()
    client = signed_in(user)
    key: dict[str, Any] = {"name": HOSTILE, "credential": {}}
    Authenticator.objects.create(user=user, type="webauthn", data=key)
    User.objects.filter(pk=user.pk).update(email=HOSTILE)
    assert_inert(client.get("/accounts/2fa/webauthn/").content.decode())
    Authenticator.objects.all().delete()
    for page in pages_of(client).values():
        assert "<script>alert" not in page
        assert not {"\u202e", "\u200b"} & set(page)


def test_a_sign_in_leads_back_into_the_site_and_nowhere_else() -> None:
    user = ada()
    for place, wanted in (("/admin/", "/admin/"), ("https://evil.example/", "/"), ("//evil.example", "/")):
        answer = Client().post("/accounts/login/", {"login": user.username, "password": PASSWORD, "next": place})
        assert answer.headers["Location"] == wanted
