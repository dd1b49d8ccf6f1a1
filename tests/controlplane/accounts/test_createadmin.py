"""`manage.py createadmin`: the first admin, and the way back in."""

import pytest
from django.test import Client

from controlplane.accounts.identity import actor_of
from controlplane.accounts.models import User
from controlplane.common.actor import Right
from controlplane.receipts.models import Receipt
from enforcer.contract.strict_json import parse_object
from tests.controlplane.commands import run

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "correct-horse-battery"


def opened(link: str) -> Client:
    """A browser in which the link was used."""
    client = Client()
    path = link.strip().removeprefix("http://127.0.0.1:8000")
    where = client.get(path, follow=True).redirect_chain[-1][0]
    client.post(where, {"password1": PASSWORD, "password2": PASSWORD})
    return client


def test_the_first_admin_gets_a_link_and_may_run_the_place() -> None:
    ended = run("createadmin")
    assert ended.code == 0
    user = User.objects.get(username="admin")
    assert {Right.MANAGE_PEOPLE, Right.EDIT_POLICY, Right.MANAGE_FLEET, Right.LOWER_KILL} <= actor_of(user).rights
    assert not user.is_superuser
    client = opened(ended.out.splitlines()[-1])
    assert client.get("/admin/accounts/user/").status_code == 200


def test_a_link_works_once() -> None:
    link = run("createadmin").out.splitlines()[-1]
    assert opened(link).get("/").status_code == 200
    again = Client().get(link.removeprefix("http://127.0.0.1:8000"), follow=True).content.decode()
    assert "This link works no more" in again


def test_whoever_forgot_the_password_gets_a_new_link_and_a_receipt_tells() -> None:
    run("createadmin", "grace", "--role", "viewer")
    before = Receipt.objects.count()
    ended = run("createadmin", "grace")
    assert ended.code == 0
    assert User.objects.count() == 1
    receipt = parse_object(bytes(Receipt.objects.order_by("-sequence")[0].line))
    assert Receipt.objects.count() == before + 1
    assert receipt["action"] == "user.password_link"
    assert str(receipt["principal"]["sub"]).startswith("os:")  # type: ignore[index, call-overload]


@pytest.mark.parametrize(
    "words", [("grace", "--role", "viewer"), ("grace", "--email", "g@example.org"), ("a b",), ("x" * 151,)]
)
def test_what_can_not_be_meant_is_refused(words: tuple[str, ...]) -> None:
    run("createadmin", "grace")
    ended = run("createadmin", *words)
    assert (ended.code, ended.out) == (2, "")
    assert len(ended.err.splitlines()) == 1


def test_an_account_that_is_off_is_not_opened_by_it() -> None:
    run("createadmin", "grace")
    User.objects.update(is_active=False)
    ended = run("createadmin", "grace")
    assert ended.code == 2
    assert "switched off" in ended.err
