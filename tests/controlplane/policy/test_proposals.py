"""Edits that one proposes and another approves."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from controlplane.accounts.roles import ROLES
from controlplane.accounts.services import create_api_token
from controlplane.common.actor import Actor, Right
from controlplane.common.errors import InvalidState, NotAllowed
from controlplane.grants.models import Grant
from controlplane.policy import edits
from controlplane.policy.models import Change, Proposal
from controlplane.policy.proposals import approve, propose, reject
from controlplane.principals.models import Group
from controlplane.receipts.models import Receipt
from enforcer.contract.strict_json import parse_object
from tests.controlplane.actors import ADA
from tests.controlplane.factories import GrantFactory, PrincipalFactory, ServerFactory

pytestmark = pytest.mark.django_db
AUTHOR = Actor("paula", ROLES["policy author"])
OWNER = Actor("olga", ROLES["policy owner"])
VIEWER = Actor("vera", ROLES["viewer"])
GRANT: dict[str, Any] = {"id": "one", "principal": "alice", "server": "files", "tools": ["*"]}


@pytest.fixture(autouse=True)
def _world() -> None:
    ServerFactory(id="files")
    PrincipalFactory(subject="alice")


def proposed(**more: Any) -> Proposal:
    return propose(section="grants", item={**GRANT, **more}, actor=AUTHOR, reason="alice needs it")


def actions() -> list[str]:
    return [str(parse_object(bytes(row.line))["action"]) for row in Receipt.objects.order_by("sequence")]


def test_a_proposal_changes_nothing_until_somebody_else_approves_it() -> None:
    row = proposed()
    assert not Grant.objects.exists()
    assert not Change.objects.exists()
    applied = approve(proposal_id=row.pk, actor=OWNER, note="fine")
    row.refresh_from_db()
    assert (row.approved, row.decided_by, row.note) == (True, "olga", "fine")
    assert Grant.objects.get().key == "one"
    assert applied.change_ids == (Change.objects.get().pk,)
    assert actions() == ["proposal.open", "policy.edit", "proposal.approve"]


def test_the_edit_carries_the_approvers_name_and_the_proposers_reason() -> None:
    approve(proposal_id=proposed().pk, actor=OWNER)
    change, history = Change.objects.get(), Grant.history.get()
    assert (change.actor, change.reason) == ("olga", "alice needs it")
    assert (history.history_user_id, history.history_change_reason) == ("olga", "alice needs it")


def test_nobody_approves_their_own_proposal_whatever_they_may_do() -> None:
    both = Actor("paula", ROLES["policy author"] | ROLES["policy owner"])
    row = proposed()
    with pytest.raises(NotAllowed, match="somebody else"):
        approve(proposal_id=row.pk, actor=both)
    assert not Grant.objects.exists()


def test_the_database_refuses_it_too() -> None:
    row = proposed()
    with pytest.raises(IntegrityError), transaction.atomic():
        Proposal.objects.filter(pk=row.pk).update(approved=True, decided_by="paula", decided_at=timezone.now())


def test_what_stands_in_its_way_since_comes_back_and_it_stays_open() -> None:
    row = proposed()
    edits.remove(section="principals", item={"issuer": "drawbridge", "subject": "alice"}, actor=ADA)
    applied = approve(proposal_id=row.pk, actor=OWNER)
    assert applied.problems
    row.refresh_from_db()
    assert row.decided_at is None
    assert not Grant.objects.exists()


@pytest.mark.parametrize("more", [{"rate": "often"}, {"server": "nowhere"}])
def test_what_would_be_refused_is_not_even_proposed(more: dict[str, Any]) -> None:
    with pytest.raises(InvalidState):
        proposed(**more)
    assert not Proposal.objects.exists()


def test_what_changes_nothing_is_not_proposed() -> None:
    Group.objects.create(name="finance")
    with pytest.raises(InvalidState, match="already"):
        propose(section="groups", item={"name": "finance"}, actor=AUTHOR)


def test_a_removal_is_proposed_and_approved() -> None:
    GrantFactory(key="one")
    row = propose(section="grants", item={"id": "one"}, removal=True, actor=AUTHOR)
    assert row.summary.startswith("- grant")
    approve(proposal_id=row.pk, actor=OWNER)
    assert not Grant.objects.exists()


def test_an_owner_rejects_and_the_proposer_withdraws_and_nobody_else_closes_it() -> None:
    first, second, third = proposed(), proposed(), proposed()
    reject(proposal_id=first.pk, actor=OWNER, note="no")
    reject(proposal_id=second.pk, actor=AUTHOR)
    for actor in (VIEWER, Actor("peter", ROLES["policy author"])):
        with pytest.raises(NotAllowed):
            reject(proposal_id=third.pk, actor=actor)
    third.refresh_from_db()
    assert third.decided_at is None
    assert actions().count("proposal.reject") == 2


def test_what_was_decided_stays_decided() -> None:
    row = proposed()
    reject(proposal_id=row.pk, actor=OWNER)
    for act in (approve, reject):
        with pytest.raises(InvalidState):
            act(proposal_id=row.pk, actor=OWNER)
    assert not Grant.objects.exists()


@pytest.mark.parametrize("role", ["viewer", "auditor", "responder", "approver", "platform", "admin"])
def test_other_roles_neither_propose_nor_approve(role: str) -> None:
    actor = Actor("x", ROLES[role])
    with pytest.raises(NotAllowed):
        propose(section="groups", item={"name": "g"}, actor=actor)
    row = proposed()
    with pytest.raises(NotAllowed):
        approve(proposal_id=row.pk, actor=actor)


def test_an_author_edits_nothing_directly() -> None:
    with pytest.raises(NotAllowed):
        edits.save(section="grants", item=GRANT, actor=AUTHOR)


@pytest.mark.parametrize(("first", "second"), [("token:ci", "ada"), ("ada", "token:ci")])
def test_a_token_is_no_second_person_beside_whoever_made_it(first: str, second: str) -> None:
    everything = frozenset(Right)
    create_api_token(name="ci", scopes=["propose"], days=1, actor=Actor("ada", everything))
    row = propose(section="groups", item={"name": "new"}, actor=Actor(first, everything))
    with pytest.raises(NotAllowed):
        approve(proposal_id=row.pk, actor=Actor(second, everything))
