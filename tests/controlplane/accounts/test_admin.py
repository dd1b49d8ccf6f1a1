"""Users, roles and API tokens in the web admin."""

import re
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.utils import timezone

from controlplane.accounts.identity import actor_of
from controlplane.accounts.models import ApiToken, User
from controlplane.accounts.roles import ROLES
from controlplane.accounts.services import actor_of_token, create_api_token
from controlplane.common.actor import Right
from controlplane.receipts.models import Receipt
from enforcer.contract.strict_json import parse_object
from tests.controlplane.actors import ADA
from tests.controlplane.people import HOSTILE, assert_inert, client_of, person

pytestmark = pytest.mark.django_db
USERS = "/admin/accounts/user/"
ROLE_PAGES = "/admin/accounts/role/"
TOKENS = "/admin/accounts/apitoken/"
PASSWORD = "correct-horse-battery"


def page(client: Client, url: str, **given: str) -> str:
    response = client.get(url, given)
    assert response.status_code == 200, response.status_code
    return response.content.decode()


def actions() -> list[str]:
    return [str(parse_object(bytes(row.line))["action"]) for row in Receipt.objects.order_by("sequence")]


def shown_link(answer: Any) -> str:
    found = re.search(r'<pre id="link">(.*?)</pre>', answer.content.decode())
    assert found
    return found.group(1)


def test_a_user_is_added_with_roles_and_the_link_is_shown_once() -> None:
    client = client_of("admin")
    answer = client.post(USERS + "add/", {"username": "grace", "email": "g@example.org", "roles": ["responder"]})
    user = User.objects.get(username="grace")
    assert [group.name for group in user.groups.all()] == ["responder"]
    assert not user.has_usable_password()
    assert "no-store" in answer.headers["Cache-Control"]
    link = shown_link(answer)
    assert link not in page(client, f"{USERS}{user.pk}/change/")
    assert actions()[-2:] == ["user.create", "user.password_link"]
    assert link.encode() not in b"".join(bytes(row.line) for row in Receipt.objects.all())


def test_the_link_sets_a_password_once_and_signs_in() -> None:
    link = shown_link(client_of("admin").post(USERS + "add/", {"username": "grace", "roles": ["viewer"]}))
    path = link.removeprefix("http://127.0.0.1:8000")
    browser = Client()
    form = browser.get(path, follow=True)
    where = form.redirect_chain[-1][0]
    done = browser.post(where, {"password1": PASSWORD, "password2": PASSWORD}, follow=True)
    assert done.context["user"].username == "grace"
    assert User.objects.get(username="grace").check_password(PASSWORD)
    again = Client().get(path, follow=True).content.decode()
    assert "password1" not in again


@pytest.mark.parametrize(
    ("username", "problem"),
    [("grace", "there is a user"), ("a b", "Enter a valid username"), ("", "This field is required"),
     ("token:ci", "Enter a valid username")],
)  # fmt: skip
def test_a_name_that_can_not_be_is_told_at_the_form(username: str, problem: str) -> None:
    person(username="grace")
    answer = client_of("admin").post(USERS + "add/", {"username": username, "roles": ["viewer"]})
    assert problem in answer.content.decode()
    assert User.objects.count() == 2


def test_roles_are_changed_and_the_user_is_signed_out_everywhere() -> None:
    client, other = client_of("admin"), client_of("viewer", username="vera")
    vera = User.objects.get(username="vera")
    assert other.get("/").status_code == 200
    client.post(f"{USERS}{vera.pk}/edit/", {"email": "", "roles": ["auditor", "viewer"], "active": "on"})
    assert actor_of(User.objects.get(pk=vera.pk)).may(Right.EXPORT_RECEIPTS)
    assert other.get("/").status_code == 302


def test_switching_an_account_off_ends_it_at_once() -> None:
    client, other = client_of("admin"), client_of("viewer", username="vera")
    vera = User.objects.get(username="vera")
    client.post(f"{USERS}{vera.pk}/edit/", {"email": "", "roles": ["viewer"]})
    assert not User.objects.get(pk=vera.pk).is_active
    assert other.get("/").status_code == 302
    assert "New password link" not in page(client, f"{USERS}{vera.pk}/change/")
    assert "is switched off" in client.post(f"{USERS}{vera.pk}/link/").content.decode()


def test_nobody_changes_their_own_roles() -> None:
    client = client_of("admin")
    me = User.objects.get(username="paul")
    answer = client.post(f"{USERS}{me.pk}/edit/", {"email": "p@example.org", "roles": list(ROLES), "active": "on"})
    assert "nobody changes their own roles" in answer.content.decode()
    assert [group.name for group in me.groups.all()] == ["admin"]
    client.post(f"{USERS}{me.pk}/edit/", {"email": "p@example.org", "roles": ["admin"], "active": "on"})
    me.refresh_from_db()
    assert me.email == "p@example.org"


def test_a_new_link_is_made_by_post_alone_and_ends_the_old_password() -> None:
    client = client_of("admin")
    vera = person("viewer", username="vera")
    vera.set_password("the-old-password-of-vera")
    vera.save()
    assert "password_reset" not in page(client, f"{USERS}{vera.pk}/link/")
    before = len(actions())
    path = shown_link(client.post(f"{USERS}{vera.pk}/link/")).removeprefix("http://127.0.0.1:8000")
    assert actions()[before:] == ["user.password_link"]
    browser = Client()
    where = browser.get(path, follow=True).redirect_chain[-1][0]
    browser.post(where, {"password1": PASSWORD, "password2": PASSWORD})
    assert User.objects.get(pk=vera.pk).check_password(PASSWORD)


def test_nobody_is_deleted() -> None:
    client, vera = client_of("admin"), person(username="vera")
    assert client.post(f"{USERS}{vera.pk}/delete/", {"post": "yes"}).status_code == 403
    client.post(USERS, {"action": "delete_selected", "_selected_action": str(vera.pk), "post": "yes"})
    assert User.objects.filter(pk=vera.pk).exists()


@pytest.mark.parametrize("role", [name for name in ROLES if name != "admin"])
def test_whoever_does_not_manage_people_sees_and_makes_none(role: str) -> None:
    client, vera = client_of(role), person(username="vera")
    row, _ = create_api_token(name="ci", scopes=["view"], days=1, actor=ADA)
    for url in (USERS, TOKENS):
        assert client.get(url).status_code == 403
        assert client.get(f"{url}add/").status_code == 403
    posts = {
        f"{USERS}add/": {"username": "x", "roles": ["admin"]},
        f"{USERS}{vera.pk}/edit/": {"roles": ["admin"], "active": "on"},
        f"{USERS}{vera.pk}/link/": {},
        f"{TOKENS}add/": {"name": "x", "scopes": ["view"], "days": "1"},
        f"{TOKENS}{row.key}/revoke/": {"reason": "r"},
    }
    for url, given in posts.items():
        assert client.post(url, given).status_code == 403
    assert (User.objects.count(), ApiToken.objects.count()) == (2, 1)
    row.refresh_from_db()
    assert row.revoked_at is None


def test_roles_are_told_in_words_and_edited_by_nobody() -> None:
    client = client_of("admin")
    text = page(client, ROLE_PAGES)
    assert "lower kill switches, end revocations, quarantines and egress blocks" in text
    url = re.findall(rf'href="({ROLE_PAGES}\d+/change/)', text)[0]
    assert "Roles are part of the program" in page(client, url)
    assert client.post(url, {"name": "x"}).status_code == 403
    assert client.get(ROLE_PAGES + "add/").status_code == 403


def test_who_has_a_role_is_told_to_whoever_manages_people() -> None:
    admin_, viewer = client_of("admin"), client_of("viewer", username="vera")
    url = re.findall(rf'href="({ROLE_PAGES}\d+/change/)', page(admin_, ROLE_PAGES).split(">viewer<")[0])[-1]
    assert ">vera</a>" in page(admin_, url)
    assert ">vera</a>" not in page(viewer, url).split("Who has it")[1]


def test_a_token_is_shown_once_and_only_its_hash_is_kept() -> None:
    client = client_of("admin")
    answer = client.post(TOKENS + "add/", {"name": "ci", "scopes": ["view", "raise_kill"], "days": "7"})
    assert "no-store" in answer.headers["Cache-Control"]
    found = re.search(r"dbk_[0-9a-f]{12}_[\w-]{40,}", answer.content.decode())
    assert found
    token, row = found.group(), ApiToken.objects.get()
    actor = actor_of_token(token)
    assert actor
    assert (actor.name, actor.rights) == ("token:ci", {Right.VIEW, Right.RAISE_KILL})
    secret = token.split("_", 2)[2]
    for url in (TOKENS, f"{TOKENS}{row.key}/change/"):
        assert secret not in page(client, url)
    assert secret not in str([vars(row), *actions()])


def test_only_scopes_of_ones_own_are_offered_and_taken() -> None:
    client = client_of("admin")
    text = page(client, TOKENS + "add/")
    assert 'value="manage_people"' in text
    assert 'value="edit_policy"' not in text
    client.post(TOKENS + "add/", {"name": "ci", "scopes": ["edit_policy"], "days": "7"})
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize("given", [{"days": "0"}, {"days": "367"}, {"name": ""}, {"scopes": []}, {"name": "a\u202eb"}])
def test_a_token_that_can_not_be_is_told_at_the_form(given: dict[str, Any]) -> None:
    answer = client_of("admin").post(TOKENS + "add/", {"name": "ci", "scopes": ["view"], "days": "7"} | given)
    assert "errorlist" in answer.content.decode()
    assert not ApiToken.objects.exists()


def test_a_token_is_revoked_with_a_reason() -> None:
    row, token = create_api_token(name="ci", scopes=["view"], days=1, actor=ADA)
    client = client_of("admin")
    client.post(f"{TOKENS}{row.key}/revoke/", {"reason": "leaked"}, follow=True)
    row.refresh_from_db()
    assert row.revoked_by == "paul"
    assert actor_of_token(token) is None
    assert "badge bad" in page(client, TOKENS)
    assert "Revoke…" not in page(client, f"{TOKENS}{row.key}/change/")
    assert b'"reason":"leaked"' in bytes(Receipt.objects.order_by("-sequence")[0].line)


def test_tokens_that_somebody_created_are_told_on_their_page() -> None:
    create_api_token(name="nightly export", scopes=["view"], days=1, actor=ADA)
    ada = person("viewer", username="ada")
    client = client_of("admin")
    assert "nightly export" in page(client, f"{USERS}{ada.pk}/change/")
    assert "stay good" in page(client, f"{USERS}{ada.pk}/edit/")


def test_no_page_of_others_shows_second_factors_sign_ins_or_their_secrets() -> None:
    root = person(username="root")
    User.objects.filter(pk=root.pk).update(is_superuser=True)
    client = Client()
    client.force_login(User.objects.get(pk=root.pk))
    shown = {model._meta.app_label for model in admin.site._registry}
    assert not shown & {"account", "mfa", "socialaccount", "sessions", "contenttypes", "admin"}
    for url in ("account/emailaddress", "mfa/authenticator", "socialaccount/socialapp", "socialaccount/socialtoken"):
        assert client.get(f"/admin/{url}/").status_code == 404


def test_hostile_text_is_inert() -> None:
    ada = person("viewer", username="ada")
    User.objects.filter(pk=ada.pk).update(email=HOSTILE)
    row = ApiToken.objects.create(
        name=HOSTILE, scopes=[HOSTILE], created_by=HOSTILE, expires_at=timezone.now(), secret_sha256="x"
    )
    client = client_of("admin")
    urls = (USERS, f"{USERS}{ada.pk}/change/", TOKENS, f"{TOKENS}{row.key}/change/", f"{TOKENS}{row.key}/revoke/")
    for url in urls:
        assert_inert(page(client, url))


def test_lists_and_pages_take_few_queries(django_assert_max_num_queries: Any) -> None:
    for n in range(60):
        person("viewer", "responder", username=f"u{n}")
        create_api_token(name=f"t{n}", scopes=["view"], days=1, actor=ADA)
    client = client_of("admin")
    one, row = User.objects.get(username="u5"), ApiToken.objects.all()[0]
    for url in (USERS, f"{USERS}{one.pk}/change/", f"{USERS}{one.pk}/edit/", f"{USERS}add/", ROLE_PAGES, TOKENS,
                f"{TOKENS}{row.key}/change/"):  # fmt: skip
        with django_assert_max_num_queries(18):
            page(client, url)
