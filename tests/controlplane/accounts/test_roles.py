"""Roles hold the rights that were agreed on, and nothing brings them others."""

import pytest
from django.contrib.auth.models import Group, Permission

from controlplane.accounts.identity import actor_of
from controlplane.accounts.models import LABELS, User
from controlplane.accounts.roles import ROLES, bring_up_to_date
from controlplane.common.actor import Right
from tests.controlplane.people import person
from tests.support.roles_page import PAGE, page

pytestmark = pytest.mark.django_db
R = Right

# The agreed table, a row a role: view inventory, edit grants, kill raise, kill lift, approve calls, credential
# references, enrol and rotate keys, receipts read, receipts export, users and roles.
AGREED = """
viewer | yes | - | - | - | - | - | - | own scope | - | -
auditor | yes | - | - | - | - | - | - | yes | yes | -
responder | yes | - | yes | request | - | - | - | yes | - | -
approver | yes | - | - | - | yes | - | - | scope | - | -
policy author | yes | propose | yes | - | - | - | - | yes | - | -
policy owner | yes | approve others | yes | second person | - | propose | - | yes | - | -
platform | yes | - | yes | - | - | yes | propose | - | - | -
admin | yes | - | yes | second person | - | - | yes + second | - | - | yes + second
"""
COLUMNS = (R.VIEW, R.EDIT_POLICY, R.RAISE_KILL, R.LOWER_KILL, None, R.EDIT_CREDENTIALS, R.MANAGE_FLEET,
           R.READ_RECEIPTS, R.EXPORT_RECEIPTS, R.MANAGE_PEOPLE)  # fmt: skip
# Where a word is no plain yes, what it is in this version (docs/reference/roles.md says so to people).
NOT_YET = {"request", "own scope", "scope"}
MEANS = {("propose", R.EDIT_POLICY): {R.PROPOSE}, ("propose", R.EDIT_CREDENTIALS): set[Right]()}
BESIDES = {"policy owner": {R.ISSUE_TOKENS}}


def agreed() -> dict[str, set[Right]]:
    """Role → rights, as the table is read in this version."""
    found: dict[str, set[Right]] = {}
    for line in AGREED.strip().splitlines():
        name, *words = (word.strip() for word in line.split("|"))
        held: set[Right] = set(BESIDES.get(name, set()))
        for right, word in zip(COLUMNS, words, strict=True):
            if right is not None and word != "-" and word not in NOT_YET:
                held |= MEANS.get((word, right), {right})
        found[name] = held
    return found


def test_every_role_has_the_agreed_rights_and_no_other() -> None:
    assert {name: set(rights) for name, rights in ROLES.items()} == agreed()


def test_no_role_both_proposes_and_approves() -> None:
    assert not [name for name, rights in ROLES.items() if {R.PROPOSE, R.EDIT_POLICY} <= rights]


def test_no_role_reads_everything_and_changes_something_of_policy_or_people() -> None:
    assert not [name for name, rights in ROLES.items() if R.EXPORT_RECEIPTS in rights and rights - {
        R.VIEW, R.READ_RECEIPTS, R.EXPORT_RECEIPTS
    }]  # fmt: skip


@pytest.mark.parametrize("role", ROLES)
def test_a_user_of_the_role_is_an_actor_with_its_rights(role: str) -> None:
    assert actor_of(person(role)).rights == ROLES[role]


def test_several_roles_add_up() -> None:
    assert actor_of(person("viewer", "responder")).rights == ROLES["viewer"] | ROLES["responder"]


def test_what_somebody_added_to_a_role_goes_with_the_next_migration() -> None:
    viewer = Group.objects.get(name="viewer")
    viewer.permissions.add(Permission.objects.get(codename=R.MANAGE_PEOPLE, content_type__app_label="accounts"))
    user = person("viewer")
    assert actor_of(user).may(R.MANAGE_PEOPLE)
    bring_up_to_date(using="default")
    assert actor_of(User.objects.get(pk=user.pk)).rights == {R.VIEW}


def test_permissions_of_djangos_own_give_no_right() -> None:
    user = person()
    user.user_permissions.set(Permission.objects.exclude(content_type__app_label="accounts"))
    assert actor_of(User.objects.get(pk=user.pk)).rights == frozenset()


def test_whoever_is_off_or_nobody_has_no_right() -> None:
    user = person("admin")
    User.objects.filter(pk=user.pk).update(is_active=False, is_superuser=True)
    assert actor_of(User.objects.get(pk=user.pk)).rights == frozenset()


def test_every_right_is_told_in_words() -> None:
    assert set(LABELS) == set(Right)


def test_the_page_of_roles_is_what_the_code_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "write it anew, tests/support/roles_page.py says how"
