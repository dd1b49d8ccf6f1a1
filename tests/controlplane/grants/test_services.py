from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from controlplane.common.errors import Conflict
from controlplane.grants.models import Grant
from controlplane.grants.reach import grants_on, servers_reached
from controlplane.grants.services import issue_grant, revoke_grant
from controlplane.grants.specs import GrantSpec, content_key
from controlplane.policy.models import ChangedServer
from controlplane.principals.services import delete_group, remove_principal
from controlplane.principals.specs import PrincipalKey
from tests.controlplane.factories import GrantFactory, GroupFactory, PrincipalFactory, ServerFactory, trust_level

pytestmark = pytest.mark.django_db
ADA = PrincipalKey("drawbridge", "ada")


def changed(change_id: int) -> list[str]:
    return list(
        ChangedServer.objects.filter(change_id=change_id).order_by("server_id").values_list("server_id", flat=True)
    )


def test_a_grant_is_issued_changed_and_revoked_each_with_a_change_for_its_server() -> None:
    ServerFactory(id="files")
    ServerFactory(id="mail")
    PrincipalFactory(subject="ada")
    one = GrantSpec(key="one", principal=ADA, server_id="files", tools=["*"])
    assert changed(issue_grant(grant=one, actor="grace")) == ["files"]
    moved = GrantSpec(key="one", principal=ADA, server_id="mail", tools=["*"])
    assert changed(issue_grant(grant=moved, actor="grace")) == ["files", "mail"]
    assert changed(revoke_grant(key="one", actor="grace")) == ["mail"]
    assert not Grant.objects.exists()


def test_selectors_reach_the_servers_of_their_level_or_all() -> None:
    ServerFactory(id="a")
    ServerFactory(id="b", trust_level=trust_level("unknown"))
    by_trust = GrantFactory(server=None, tools=[], trust="unknown")
    by_risk = GrantFactory(server=None, tools=[], risk="LOW")
    assert servers_reached([by_trust]) == {"b"}
    assert servers_reached([by_risk]) == {"a", "b"}
    assert servers_reached([]) == set()


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


def test_removing_a_principal_takes_its_grants_along() -> None:
    grant = GrantFactory(principal=PrincipalFactory(subject="ada"))
    change = remove_principal(key=ADA, actor="grace")
    assert changed(change) == [grant.server_id]
    assert not Grant.objects.exists()


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
