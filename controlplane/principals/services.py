"""The only writer of principals, groups and identity providers. A `write_*` is the row alone."""

from dataclasses import asdict

from controlplane.common.edits import editing
from controlplane.common.errors import Conflict
from controlplane.grants.models import Grant
from controlplane.grants.reach import servers_reached
from controlplane.inventory.models import Server
from controlplane.policy.services import policy_changed
from controlplane.principals.models import Group, IdentityProvider, Principal
from controlplane.principals.specs import GroupSpec, IdentityProviderSpec, PrincipalKey, PrincipalSpec


@editing()
def save_principal(*, principal: PrincipalSpec, actor: str, reason: str = "") -> int:
    """Declare a principal and its groups; returns the change id."""
    before = _reach(principal.key)
    write_principal(principal)
    return policy_changed(server_ids=before | _reach(principal.key), actor=actor, reason=reason)


@editing()
def remove_principal(*, key: PrincipalKey, actor: str, reason: str = "") -> int:
    """Delete a principal and every grant that names it; returns the change id."""
    reached = _reach(key)
    Grant.objects.filter(principal__issuer=key.issuer, principal__subject=key.subject).delete()
    delete_principal(key)
    return policy_changed(server_ids=reached, actor=actor, reason=reason)


@editing()
def save_identity_provider(*, provider: IdentityProviderSpec, actor: str, reason: str = "") -> int:
    """Accept an issuer, or change how; every server's enforcers verify tokens. Returns the change id."""
    write_identity_provider(provider)
    return policy_changed(server_ids=Server.objects.values_list("id", flat=True), actor=actor, reason=reason)


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


def delete_principal(key: PrincipalKey) -> None:
    """A principal that no grant names any more."""
    Principal.objects.filter(issuer=key.issuer, subject=key.subject).delete()


def write_identity_provider(provider: IdentityProviderSpec) -> None:
    """The row."""
    IdentityProvider.objects.update_or_create(issuer=provider.issuer, defaults=asdict(provider))


def delete_identity_provider(issuer: str) -> None:
    """Tokens of this issuer are refused once that is published."""
    IdentityProvider.objects.filter(issuer=issuer).delete()


def _reach(key: PrincipalKey) -> set[str]:
    rows = Principal.objects.filter(issuer=key.issuer, subject=key.subject)
    return servers_reached(Grant.objects.filter(principal__in=rows) | Grant.objects.filter(group__members__in=rows))
