"""Users and API tokens: each act needs the right and leaves a receipt that holds no secret."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from controlplane.accounts import services
from controlplane.accounts.links import password_link
from controlplane.accounts.models import ApiToken, User
from controlplane.accounts.roles import ROLES
from controlplane.accounts.services import actor_of_token, create_api_token, create_user
from controlplane.common.actor import Actor, Right
from controlplane.common.errors import Conflict, InvalidState, NotAllowed
from controlplane.receipts.models import Receipt
from enforcer.contract.strict_json import parse_object
from tests.controlplane.actors import ADA
from tests.controlplane.people import person

pytestmark = pytest.mark.django_db
ADMIN = Actor("anna", ROLES["admin"])
OTHERS = [Actor(name, rights) for name, rights in ROLES.items() if name != "admin"]


def last() -> dict[str, Any]:
    return parse_object(bytes(Receipt.objects.order_by("-sequence")[0].line))


def token(*scopes: str, days: int = 1) -> str:
    return create_api_token(name="ci", scopes=scopes or ["view"], days=days, actor=ADA)[1]


@pytest.mark.parametrize("actor", OTHERS, ids=lambda actor: actor.name)
def test_people_are_managed_by_admins_alone(actor: Actor) -> None:
    user = person()
    row, _ = create_api_token(name="ci", scopes=["view"], days=1, actor=ADA)
    acts: list[Any] = [
        lambda: create_user(username="x", roles=["admin"], actor=actor),
        lambda: services.change_user(user=user, email="", roles=["admin"], active=True, actor=actor),
        lambda: services.new_password_link(user=user, actor=actor),
        lambda: create_api_token(name="x", scopes=["view"], days=1, actor=actor),
        lambda: services.revoke_api_token(key=row.key, actor=actor),
    ]
    for act in acts:
        with pytest.raises(NotAllowed):
            act()
    assert (User.objects.count(), ApiToken.objects.count()) == (1, 1)


def test_a_user_is_created_without_a_password_and_named_once() -> None:
    user = create_user(username="grace", email="g@example.org", roles=["viewer"], actor=ADMIN)
    assert not user.has_usable_password()
    assert last()["detail"] == {"username": "grace", "roles": ["viewer"]}
    with pytest.raises(Conflict):
        create_user(username="grace", roles=[], actor=ADMIN)
    with pytest.raises(ValidationError):
        create_user(username="a b", roles=[], actor=ADMIN)


def test_a_role_that_does_not_exist_is_refused_and_nobody_is_made() -> None:
    with pytest.raises(InvalidState, match="'root' is no role"):
        create_user(username="grace", roles=["root"], actor=ADMIN)
    assert not User.objects.exists()


def test_nobody_raises_themselves_by_a_change_of_their_own() -> None:
    anna = person("admin", username="anna")
    for roles, active in ((["admin", "policy owner"], True), (["admin"], False)):
        with pytest.raises(InvalidState, match="nobody changes their own roles"):
            services.change_user(user=anna, email="", roles=roles, active=active, actor=ADMIN)


def test_a_link_leaves_a_receipt_without_the_link() -> None:
    link = services.new_password_link(user=person("viewer"), actor=ADMIN)
    assert last()["action"] == "user.password_link"
    assert link.rsplit("/", 2)[1] not in str(last())


def test_a_link_ends_with_the_password_it_set_and_with_a_sign_in() -> None:
    user = person("viewer")
    first = password_link(user)
    assert password_link(user) == first
    user.last_login = timezone.now()
    user.save()
    assert password_link(user) != first


def test_a_token_gives_its_scopes_and_no_more_than_its_creator_had() -> None:
    actor = actor_of_token(token("view", "raise_kill"))
    assert actor == Actor("token:ci", frozenset({Right.VIEW, Right.RAISE_KILL}))
    with pytest.raises(NotAllowed):
        create_api_token(name="x", scopes=["edit_policy"], days=1, actor=ADMIN)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"scopes": []}, "at least one"),
        ({"scopes": ["everything"]}, "no scope"),
        ({"name": " "}, "empty"),
        ({"name": "a\u202eb"}, "not printable"),
        ({"days": 0}, "out of range"),
        ({"days": 367}, "out of range"),
    ],
)
def test_a_token_that_makes_no_sense_is_not_made(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidState, match=problem):
        create_api_token(**{"name": "ci", "scopes": ["view"], "days": 1, **given}, actor=ADA)
    assert not ApiToken.objects.exists()


def test_a_token_ends_when_it_expires_or_is_revoked() -> None:
    text = token()
    row = ApiToken.objects.get()
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert actor_of_token(text) is None
    ApiToken.objects.update(expires_at=timezone.now() + timedelta(days=1))
    assert actor_of_token(text)
    services.revoke_api_token(key=row.key, reason="leaked", actor=ADMIN)
    assert actor_of_token(text) is None
    assert last()["detail"] == {"key": row.key, "reason": "leaked"}
    with pytest.raises(InvalidState):
        services.revoke_api_token(key=row.key, actor=ADMIN)


def test_only_the_exact_token_opens() -> None:
    text = token()
    _, key, secret = text.split("_", 2)
    for wrong in ("", "dbk_", f"dbk_{key}_", f"dbk_{key}_{secret}x", f"xyz_{key}_{secret}", f"dbk__{secret}", secret,
                  f"dbk_{key}_{secret[:-1]}", f"dbk_{'0' * 12}_{secret}"):  # fmt: skip
        assert actor_of_token(wrong) is None


def test_of_a_token_only_the_hash_is_kept_and_its_use_is_noted_once_a_minute() -> None:
    text = token()
    secret = text.split("_", 2)[2]
    assert secret not in str(list(ApiToken.objects.values()))
    assert secret.encode() not in b"".join(bytes(row.line) for row in Receipt.objects.all())
    actor_of_token(text)
    used = ApiToken.objects.get().last_used_at
    actor_of_token(text)
    assert used is not None
    assert ApiToken.objects.get().last_used_at == used


def test_a_scope_of_another_version_gives_nothing() -> None:
    text = token("view", "raise_kill")
    ApiToken.objects.update(scopes=["view", "fly"])
    actor = actor_of_token(text)
    assert actor
    assert actor.rights == {Right.VIEW}
