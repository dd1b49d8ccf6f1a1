"""The only writer of principals, groups and identity providers: the rows alone, for `policy.edits` and `apply`."""

from collections.abc import Sequence
from dataclasses import asdict

from controlplane.common.bulk import create_all
from controlplane.common.errors import Conflict
from controlplane.grants.models import Grant
from controlplane.principals.models import Group, IdentityProvider, Principal
from controlplane.principals.specs import GroupSpec, IdentityProviderSpec, PrincipalKey, PrincipalSpec


def write_group(group: GroupSpec) -> None:
    """An empty group changes nobody's policy."""
    Group.objects.get_or_create(name=group.name)


def delete_group(name: str) -> None:
    """A group that no grant names: were a deny deleted with it, its members would get access back in silence."""
    if Grant.objects.filter(group__name=name).exists():
        raise Conflict("group_has_grants", f"group {name} is named by grants; revoke them first")
    Group.objects.filter(name=name).delete()


def write_principal(principal: PrincipalSpec) -> None:
    """The row and its groups; unknown groups are created."""
    row, _ = Principal.objects.update_or_create(
        issuer=principal.issuer, subject=principal.subject, defaults={"actor_type": principal.actor_type}
    )
    row.groups.set([Group.objects.get_or_create(name=name)[0] for name in principal.groups])


def create_principals(principals: Sequence[PrincipalSpec]) -> None:
    """Rows that are not there yet; one by one where somebody is in groups, whose history is kept too."""
    alone = [principal for principal in principals if not principal.groups]
    create_all(Principal, [Principal(issuer=p.issuer, subject=p.subject, actor_type=p.actor_type) for p in alone])
    for principal in principals:
        if principal.groups:
            write_principal(principal)


def delete_principal(key: PrincipalKey) -> None:
    """A principal that no grant names any more."""
    Principal.objects.filter(issuer=key.issuer, subject=key.subject).delete()


def write_identity_provider(provider: IdentityProviderSpec) -> None:
    """The row."""
    IdentityProvider.objects.update_or_create(issuer=provider.issuer, defaults=asdict(provider))


def delete_identity_provider(issuer: str) -> None:
    """Tokens of this issuer are refused once that is published."""
    IdentityProvider.objects.filter(issuer=issuer).delete()
