"""The frame of services: rights are asked first, the outermost names the author, and an exception leaves nothing."""

import pytest

from controlplane.accounts.services import create_user
from controlplane.common.actor import Actor, Right, actor_with, host_operator
from controlplane.common.errors import NotAllowed
from controlplane.common.services import acting, author, service
from controlplane.policy import edits
from controlplane.principals.models import Group
from tests.controlplane.actors import ADA, GRACE

pytestmark = pytest.mark.django_db


@service(Right.EDIT_POLICY)
def inner(*, name: str, actor: Actor, reason: str = "") -> Group:
    return Group.objects.create(name=name)


@service(Right.VIEW)
def outer(*, name: str, actor: Actor, reason: str = "", why: str = "", breaks: bool = False) -> Group:
    made = inner(name=name, actor=GRACE, reason=why)
    if breaks:
        raise RuntimeError
    return made


def written_by() -> tuple[str, str]:
    row = Group.history.get()
    return row.history_user_id, row.history_change_reason


def test_history_names_the_actor_and_the_reason_of_the_service() -> None:
    inner(name="g", actor=ADA, reason="because")
    assert written_by() == ("ada", "because")


def test_what_a_service_calls_is_part_of_its_act() -> None:
    outer(name="g", actor=ADA, reason="the whole", why="a part")
    assert written_by() == ("ada", "the whole")


def test_a_reason_that_only_the_inner_service_has_is_not_lost() -> None:
    outer(name="g", actor=ADA, why="a part")
    assert written_by() == ("ada", "a part")


def test_the_right_is_asked_before_anything_is_written() -> None:
    with pytest.raises(NotAllowed, match="the right 'edit_policy' is missing"):
        inner(name="g", actor=Actor("vera", frozenset({Right.VIEW})))
    assert not Group.objects.exists()


def test_an_inner_service_asks_for_its_own_right() -> None:
    with pytest.raises(NotAllowed):
        edits.save(section="groups", item={"name": "g"}, actor=Actor("vera", frozenset({Right.VIEW})))


def test_a_service_that_breaks_leaves_nothing_and_no_author() -> None:
    with pytest.raises(RuntimeError):
        outer(name="g", actor=ADA, breaks=True)
    assert not Group.objects.exists()
    assert not Group.history.exists()
    assert author() is None


def test_outside_of_a_service_nobody_is_the_author() -> None:
    assert author() is None
    Group.objects.create(name="g")
    assert written_by() == ("", "")


def test_an_author_is_its_own_threads_only() -> None:
    with acting(ADA, "r"):
        assert author() is not None
    assert author() is None


def test_words_that_are_no_right_give_nothing() -> None:
    assert actor_with("x", ["view", "everything", "__all__"]).rights == {Right.VIEW}


def test_the_host_operator_is_named_and_may_do_everything() -> None:
    operator = host_operator()
    assert operator.name.startswith("os:")
    assert "@" in operator.name
    assert operator.rights == frozenset(Right)


def test_a_service_without_an_actor_is_a_mistake_of_the_program() -> None:
    with pytest.raises(KeyError):
        create_user(username="x", roles=[])  # type: ignore[call-arg]
