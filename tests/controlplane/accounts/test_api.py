"""Users and API tokens over the API."""

from typing import Any

import pytest

from controlplane.accounts.models import ApiToken, User
from controlplane.api.models import IdempotencyKey
from controlplane.common.actor import Right
from tests.controlplane.api.asking import Asker, asker, done, problem

pytestmark = pytest.mark.django_db
GRACE = {"username": "grace", "email": "grace@example.com", "roles": ["responder"]}


def test_a_user_is_created_with_a_link_seen_and_changed() -> None:
    who = asker()
    made = who.post("/users", GRACE)
    said = done(made, 201)
    assert made.headers["Location"] == "/api/v1/users/grace"
    assert "/accounts/password/reset/key/" in said["password_link"]
    assert [user["username"] for user in done(who.get("/users?role=responder"))["results"]] == ["grace"]
    body = {"email": "", "roles": ["auditor", "responder"], "active": False}
    changed = done(who.put("/users/grace", body))
    assert (changed["email"], changed["roles"], changed["is_active"]) == ("", ["auditor", "responder"], False)


def test_the_link_to_set_a_password_is_given_once_and_kept_nowhere() -> None:
    who = asker()
    link = done(who.post("/users", GRACE, Idempotency_Key="one"), 201)["password_link"]
    assert problem(who.post("/users", GRACE, Idempotency_Key="one"))["status"] == 409
    assert IdempotencyKey.objects.get().answer == ""
    assert "password" not in str(done(who.get("/users/grace")))
    assert link.startswith("http")
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"username": "a b"}, "/username"),
        ({"username": ""}, "/username"),
        ({"email": "x"}, "/email"),
        ({"roles": ["king"]}, "/roles/0"),
        ({"roles": "admin"}, "/roles"),
        ({"is_superuser": True}, "/is_superuser"),
        ({"password": "x"}, "/password"),
    ],
)
def test_a_user_that_can_not_be_is_refused_at_the_place(change: dict[str, Any], pointer: str) -> None:
    said = problem(asker().post("/users", {**GRACE, **change}))
    assert [error["pointer"] for error in said["errors"]] == [pointer]
    assert not User.objects.exists()


def test_changing_a_user_says_all_of_it() -> None:
    who = asker()
    done(who.post("/users", GRACE), 201)
    said = problem(who.put("/users/grace", {"roles": []}))
    assert {error["pointer"] for error in said["errors"]} == {"/email", "/active"}
    assert problem(who.put("/users/nobody", {"email": "", "roles": [], "active": True}))["status"] == 404
    assert problem(who.post("/users", GRACE))["status"] == 409


def test_an_api_token_is_shown_once_works_and_is_revoked() -> None:
    who = asker()
    body = {"name": "deploy", "scopes": ["view"], "days": 30}
    made = done(who.post("/api-tokens", body, Idempotency_Key="one"), 201)
    holder = Asker({"Authorization": f"Token {made['token']}"})
    done(holder.get("/grants"))
    again = who.post("/api-tokens", body, Idempotency_Key="one")
    assert problem(again)["status"] == 409
    assert made["token"].encode() not in again.content
    key = made["api_token"]["key"]
    assert "secret" not in str(done(who.get(f"/api-tokens/{key}")))
    done(who.post(f"/api-tokens/{key}/revoke"))
    assert problem(holder.get("/grants"))["status"] == 401
    assert key not in [row["key"] for row in done(who.get("/api-tokens?live=true"))["results"]]
    assert problem(who.post(f"/api-tokens/{key}/revoke"))["status"] == 422
    assert problem(who.post("/api-tokens/nothing/revoke"))["status"] == 404


def test_nobody_gives_a_scope_that_they_lack() -> None:
    poor = asker(Right.MANAGE_PEOPLE)
    said = problem(poor.post("/api-tokens", {"name": "x", "scopes": ["raise_kill"]}))
    assert said["code"] == "raise_kill"
    assert problem(poor.post("/api-tokens", {"name": "x", "scopes": ["all"]}))["errors"][0]["pointer"] == "/scopes/0"
    assert ApiToken.objects.count() == 1


@pytest.mark.parametrize("path", ["/users", "/users/x", "/api-tokens", "/api-tokens/x"])
def test_people_are_shown_to_whoever_manages_them(path: str) -> None:
    others = [right for right in Right if right != Right.MANAGE_PEOPLE]
    assert problem(asker(*others).get(path))["code"] == "manage_people"
