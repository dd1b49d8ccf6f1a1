import pytest
from django.db import IntegrityError, transaction

from controlplane.principals.models import Group, Principal
from controlplane.principals.services import delete_group, write_group
from controlplane.principals.specs import GroupSpec
from tests.controlplane.factories import IdentityProviderFactory, PrincipalFactory

pytestmark = pytest.mark.django_db


def test_the_same_subject_of_two_issuers_is_two_principals() -> None:
    PrincipalFactory(subject="ada")
    PrincipalFactory(subject="ada", issuer="https://idp.example")
    with pytest.raises(IntegrityError), transaction.atomic():
        PrincipalFactory(subject="ada")
    assert Principal.objects.count() == 2


def test_no_identity_provider_may_speak_for_the_control_plane() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        IdentityProviderFactory(issuer="drawbridge")


def test_a_group_without_grants_comes_and_goes_and_its_members_stay() -> None:
    write_group(GroupSpec(name="sales"))
    PrincipalFactory(groups=[Group.objects.get(name="sales")])
    delete_group("sales")
    assert not Group.objects.exists()
    assert Principal.objects.exists()
