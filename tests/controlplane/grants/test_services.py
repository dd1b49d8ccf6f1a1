from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from controlplane.common.errors import Conflict
from controlplane.grants.reach import grants_on
from controlplane.grants.specs import GrantSpec, content_key
from controlplane.principals.services import delete_group
from controlplane.principals.specs import PrincipalKey
from tests.controlplane.factories import GrantFactory, GroupFactory, ServerFactory

pytestmark = pytest.mark.django_db
ADA = PrincipalKey("drawbridge", "ada")


def test_a_retired_server_has_no_grants() -> None:
    server = ServerFactory(retired=True)
    GrantFactory(server=None, tools=[], trust="internal")
    assert not grants_on(server)


@pytest.mark.parametrize(
    "wrong",
    [
        {"principal": None},
        {"server": None},
        {"trust": "internal"},
        {"risk": "LOW"},
        {"effect": "maybe"},
        {"max_risk": "SOME"},
        {"not_before": timezone.now(), "not_after": timezone.now() - timedelta(days=1)},
    ],
)
def test_the_database_refuses_a_grant_that_could_be_read_in_two_ways(wrong: dict[str, object]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        GrantFactory(**wrong)


def test_a_grant_of_both_a_principal_and_a_group_is_refused_by_the_database() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        GrantFactory(group=GroupFactory())


def test_a_group_that_grants_name_is_not_removed_in_silence() -> None:
    group = GroupFactory()
    GrantFactory(principal=None, group=group, effect="deny")
    with pytest.raises(Conflict):
        delete_group(group.name)
    with pytest.raises(ProtectedError):
        group.delete()


def test_the_key_of_a_grant_follows_what_decides_and_nothing_else() -> None:
    grant = GrantSpec(principal=ADA, server_id="files", tools=["a"])
    assert content_key(grant) == content_key(GrantSpec(principal=ADA, server_id="files", tools=["a"], reason="why"))
    others = [
        GrantSpec(principal=ADA, server_id="files", tools=["b"]),
        GrantSpec(principal=ADA, server_id="files", tools=["a"], effect="deny"),
        GrantSpec(principal=PrincipalKey("other", "ada"), server_id="files", tools=["a"]),
        GrantSpec(group="ada", server_id="files", tools=["a"]),
        GrantSpec(principal=ADA, server_id="files", tools=["a"], constraint={}),
        GrantSpec(principal=ADA, server_id="files", tools=["a"], rate="1/day"),
    ]
    assert len({content_key(g) for g in [grant, *others]}) == 1 + len(others)
