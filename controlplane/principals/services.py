"""The only writer of principals, groups and identity providers. A `write_*` returns the servers it touched."""

from dataclasses import asdict

from django.db import transaction

from controlplane.common.errors import Conflict
from controlplane.grants.models import Grant
from controlplane.grants.reach import servers_reached
from controlplane.inventory.models import Server
from controlplane.policy.services import policy_changed
from controlplane.principals.models import Group, IdentityProvider, Principal
from controlplane.principals.specs import GroupSpec, IdentityProviderSpec, PrincipalKey, PrincipalSpec


@transaction.atomic
def save_principal(*, principal: PrincipalSpec, actor: str, reason: str = "") -> int:
    """Declare a principal and its groups; returns the change id."""
    return policy_changed(server_ids=write_principal(principal), actor=actor, reason=reason)


@transaction.atomic
def remove_principal(*, key: PrincipalKey, actor: str, reason: str = "") -> int:
    """Delete a principal and every grant that names it; returns the change id."""
    grants = Grant.objects.filter(principal__issuer=key.issuer, principal__subject=key.subject)
    reached = servers_reached(grants)
    grants.delete()
    return policy_changed(server_ids=reached | delete_principal(key), actor=actor, reason=reason)


@transaction.atomic
def save_identity_provider(*, provider: IdentityProviderSpec, actor: str, reason: str = "") -> int:
    """Accept an issuer, or change how; returns the change id."""
    return policy_changed(server_ids=write_identity_provider(provider), actor=actor, reason=reason)


def write_group(group: GroupSpec) -> set[str]:
    """The row only; an empty group changes nobody's policy."""
    Group.objects.get_or_create(name=group.name)
    return set()


def delete_group(name: str) -> set[str]:
    """A group that no grant names: were a deny deleted with it, its members would get access back in silence."""
    if Grant.objects.filter(group__name=name).exists():
        raise Conflict("group_has_grants", f"group {name} is named by grants; revoke them first")
    reached = servers_reached(Grant.objects.filter(principal__groups__name=name))
    Group.objects.filter(name=name).delete()
    return reached


def write_principal(principal: PrincipalSpec) -> set[str]:
    """The row and its groups only, for services that publish themselves; unknown groups are created."""
    row, _ = Principal.objects.update_or_create(
        issuer=principal.issuer, subject=principal.subject, defaults={"actor_type": principal.actor_type}
    )
    before = _reach(row)
    row.groups.set([Group.objects.get_or_create(name=name)[0] for name in principal.groups])
    return before | _reach(row)


def delete_principal(key: PrincipalKey) -> set[str]:
    """A principal that no grant names any more."""
    row = Principal.objects.get(issuer=key.issuer, subject=key.subject)
    reached = _reach(row)
    row.delete()
    return reached


def write_identity_provider(provider: IdentityProviderSpec) -> set[str]:
    """The row only; every server's enforcers verify tokens."""
    IdentityProvider.objects.update_or_create(issuer=provider.issuer, defaults=asdict(provider))
    return _all_servers()


def delete_identity_provider(issuer: str) -> set[str]:
    """The row only; tokens of this issuer are refused once it is published."""
    IdentityProvider.objects.filter(issuer=issuer).delete()
    return _all_servers()


def _reach(principal: Principal) -> set[str]:
    return servers_reached(
        Grant.objects.filter(principal=principal) | Grant.objects.filter(group__in=principal.groups.all())
    )


def _all_servers() -> set[str]:
    return set(Server.objects.values_list("id", flat=True))
