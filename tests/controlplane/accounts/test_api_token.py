"""`manage.py api_token`: the token is the last line, and nowhere else."""

import pytest

from controlplane.accounts.models import ApiToken
from controlplane.accounts.services import actor_of_token
from controlplane.common.actor import Right
from tests.controlplane.commands import run

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_prints_a_token_with_the_scopes_that_were_named() -> None:
    ended = run("api_token", "nightly export", "--scope", "view", "--scope", "export_receipts", "--days", "7")
    assert ended.code == 0
    assert ended.out.count("\n") == 1
    actor = actor_of_token(ended.out.strip())
    assert actor
    assert (actor.name, actor.rights) == ("token:nightly export", {Right.VIEW, Right.EXPORT_RECEIPTS})
    assert ended.out.strip() not in ended.err
    assert ApiToken.objects.get().created_by.startswith("os:")


@pytest.mark.parametrize("words", [("", "--scope", "view"), ("ci", "--scope", "view", "--days", "0")])
def test_what_makes_no_sense_is_refused(words: tuple[str, ...]) -> None:
    ended = run("api_token", *words)
    assert (ended.code, ended.out) == (2, "")
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize("words", [("ci",), ("ci", "--scope", "everything")])
def test_a_scope_has_to_be_named_and_known(words: tuple[str, ...]) -> None:
    assert run("api_token", *words).code == 2
    assert not ApiToken.objects.exists()
