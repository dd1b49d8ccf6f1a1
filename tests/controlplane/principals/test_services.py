import pytest
from django.db import IntegrityError, transaction

from controlplane.policy.models import ChangedServer
from controlplane.principals.models import Group, Principal
from controlplane.principals.services import (
    delete_group,
    save_identity_provider,
    save_principal,
    write_group,
)
from controlplane.principals.specs import GroupSpec, IdentityProviderSpec, PrincipalSpec
from tests.controlplane.factories import (
    GrantFactory,
    GroupFactory,
    IdentityProviderFactory,
    PrincipalFactory,
    ServerFactory,
)

pytestmark = pytest.mark.django_db
KEYS = {"keys": []}


def changed(change_id: int) -> list[str]:
    return list(ChangedServer.objects.filter(change_id=change_id).values_list("server_id", flat=True))


def test_leaving_a_group_reaches_the_servers_of_its_grants() -> None:
    group = GroupFactory(name="finance")
    grant = GrantFactory(principal=None, group=group)
    ServerFactory()
    ada = PrincipalFactory(subject="ada", groups=[group])
    left = save_principal(principal=PrincipalSpec(subject="ada", issuer="drawbridge"), actor="grace")
    assert changed(left) == [grant.server_id]
    assert not ada.groups.exists()


def test_the_same_subject_of_two_issuers_is_two_principals() -> None:
    PrincipalFactory(subject="ada")
    PrincipalFactory(subject="ada", issuer="https://idp.example")
    with pytest.raises(IntegrityError), transaction.atomic():
        PrincipalFactory(subject="ada")
    assert Principal.objects.count() == 2


def test_an_identity_provider_reaches_every_server() -> None:
    ServerFactory(id="a")
    ServerFactory(id="b")
    spec = IdentityProviderSpec(issuer="https://idp.example", audience="a", algorithms=["EdDSA"], jwks=KEYS)
    assert changed(save_identity_provider(provider=spec, actor="grace")) == ["a", "b"]


def test_no_identity_provider_may_speak_for_the_control_plane() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        IdentityProviderFactory(issuer="drawbridge")


def test_a_group_without_grants_comes_and_goes_and_its_members_stay() -> None:
    write_group(GroupSpec(name="sales"))
    PrincipalFactory(groups=[Group.objects.get(name="sales")])
    delete_group("sales")
    assert not Group.objects.exists()
    assert Principal.objects.exists()
