"""Every address × role × method against `allowed.py`."""

from http import HTTPStatus

import pytest
from django.contrib.auth.models import Group
from django.db import transaction
from django.http import HttpResponse
from django.test import Client

from controlplane.accounts.models import User
from controlplane.accounts.roles import ROLES
from controlplane.accounts.services import create_api_token
from controlplane.common.actor import Actor, Right
from tests.access.allowed import (
    ACCOUNTS,
    ADMIN_REST,
    ANYBODY,
    API,
    ASKS_THE_PUBLISHER,
    DOORS,
    EVERYTHING_ELSE_IS_404,
    OF_ENFORCERS,
    OF_MONITORING,
    PAGES,
    Needs,
)
from tests.access.places import Keys, a_company, routes

pytestmark = pytest.mark.django_db
SIGN_IN = ("/accounts/login/", "/admin/login/")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_FOUND)
STRANGER, NO_ROLE, SUPERUSER = "a stranger", "somebody without a role", "a superuser"
WHO = (STRANGER, NO_ROLE, *ROLES)


def rights(who: str) -> frozenset[Right]:
    return ROLES.get(who, frozenset())


def may(who: str, needs: Needs) -> bool:
    if needs == ANYBODY:
        return True
    return any(right in rights(who) for right in needs)


@pytest.fixture
def keys() -> Keys:
    return a_company()


def browser_of(who: str) -> Client:
    """A session of somebody with this role; pages of a second person need one more admin than `ada`."""
    client = Client(raise_request_exception=False)
    if who != STRANGER:
        user = User.objects.create(username=f"user-{who}", is_staff=True, is_superuser=who == SUPERUSER)
        user.groups.set(Group.objects.filter(name=who))
        client.force_login(user)
    return client


def program_of(who: str) -> Client:
    """A token with the rights of this role; a stranger and whoever has none get none."""
    if not rights(who):
        return Client(raise_request_exception=False)
    boss = Actor("boss", frozenset(Right))
    _, token = create_api_token(name=who, scopes=[r.value for r in rights(who)], days=1, actor=boss)
    return Client(raise_request_exception=False, headers={"Authorization": f"Token {token}"})


def ask(client: Client, method: str, path: str) -> HttpResponse:
    """Whatever it does is undone."""
    with transaction.atomic():
        body = {"content_type": "application/json", "data": "{}"} if path.startswith("/api/") else {}
        answer: HttpResponse = getattr(client, method.lower())(path, **(body if method != "GET" else {}))
        transaction.set_rollback(True)
    return answer


def was_let_in(answer: HttpResponse) -> bool:
    """Not refused, and not sent to sign in; an error of ours is a failure of its own."""
    assert answer.status_code < 500, (answer.status_code, answer.content[:2000])
    to_sign_in = answer.status_code == 302 and answer.headers["Location"].startswith(SIGN_IN)
    return answer.status_code not in REFUSED and not to_sign_in


def test_every_address_is_listed_and_every_listed_one_is_there() -> None:
    api = {f"api/v1/{route}" for route in API}
    apart = (*DOORS, *OF_ENFORCERS, *OF_MONITORING, *EVERYTHING_ELSE_IS_404)
    left = [r for r in routes() if r not in PAGES and r not in api and not r.startswith((ACCOUNTS, *ADMIN_REST))]
    unlisted, gone = sorted(set(left) - set(apart)), sorted((PAGES.keys() | api) - set(routes()))
    assert not unlisted, "\n".join(unlisted)
    assert not gone, "\n".join(gone)


@pytest.mark.parametrize("who", WHO)
def test_each_page_lets_in_whom_the_list_says(keys: Keys, who: str) -> None:
    client, wrong = browser_of(who), []
    for route, rule in PAGES.items():
        for method in ("GET", "POST"):
            answer = ask(client, method, keys.path(route))
            if was_let_in(answer) != may(who, rule.get(method, ())):
                wrong.append(f"{method} {route}: {answer.status_code}, listed {rule.get(method, ())}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("who", WHO)
def test_each_address_of_the_api_lets_in_whom_the_list_says(keys: Keys, who: str) -> None:
    client, wrong = program_of(who), []
    for route, rule in API.items():
        for method in METHODS:
            if route in ASKS_THE_PUBLISHER and may(who, rule.get(method, ())):
                continue
            answer = ask(client, method, keys.path(f"api/v1/{route}"))
            refused = answer.status_code in (302, 401, 403, 405)  # the documents' page sends browsers to sign in
            if refused == may(who, rule.get(method, ())):
                wrong.append(f"{method} {route}: {answer.status_code}, listed {rule.get(method, ())}")
            assert answer.status_code < 500, (method, route, answer.content[:2000])
    assert not wrong, "\n".join(wrong)


def test_no_page_takes_a_method_that_browsers_do_not_send(keys: Keys) -> None:
    client = browser_of("policy owner")
    for route in PAGES:
        for method in ("PUT", "PATCH", "DELETE"):
            answer = ask(client, method, keys.path(route))
            assert answer.status_code < 500, (method, route)
            assert not was_let_in(answer) or answer.status_code in (200, 302), (method, route, answer.status_code)


def test_a_superuser_changes_no_receipt_and_no_published_document(keys: Keys) -> None:
    client = browser_of(SUPERUSER)
    for model in ("receipts/receipt", "policy/signeddocument", "policy/change"):
        for page in (f"admin/{model}/add/", f"admin/{model}/<path:object_id>/delete/"):
            assert not was_let_in(ask(client, "POST", keys.path(page))), page
        assert not was_let_in(ask(client, "POST", keys.path(f"admin/{model}/<path:object_id>/change/")))


def test_the_api_takes_no_session_without_a_token_against_forgery(keys: Keys) -> None:
    strict = Client(enforce_csrf_checks=True, raise_request_exception=False)
    user = User.objects.create(username="owner", is_staff=True)
    user.groups.set(Group.objects.filter(name="policy owner"))
    strict.force_login(user)
    assert strict.post("/api/v1/groups", data='{"name": "x"}', content_type="application/json").status_code == 403
    assert strict.post("/admin/principals/group/add/", data={"name": "x"}).status_code == 403
