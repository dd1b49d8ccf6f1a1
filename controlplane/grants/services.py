"""The only writer of grants. A `write_*` returns the servers whose policy it touched."""

from dataclasses import fields

from django.db import transaction

from controlplane.grants.models import Grant
from controlplane.grants.reach import servers_reached
from controlplane.grants.specs import GrantSpec, content_key
from controlplane.policy.services import policy_changed
from controlplane.principals.models import Group, Principal
from controlplane.principals.specs import PrincipalKey

REFERENCES = ("principal", "group")


@transaction.atomic
def issue_grant(*, grant: GrantSpec, actor: str, reason: str = "") -> int:
    """Create or change the grant of that key; returns the change id."""
    return policy_changed(server_ids=write_grant(grant), actor=actor, reason=reason or grant.reason)


@transaction.atomic
def revoke_grant(*, key: str, actor: str, reason: str = "") -> int:
    """Delete a grant; returns the change id."""
    return policy_changed(server_ids=delete_grant(key), actor=actor, reason=reason)


def write_grant(grant: GrantSpec) -> set[str]:
    """The row only, for services that publish themselves."""
    key = grant.key or content_key(grant)
    row = Grant.objects.filter(key=key).first() or Grant()
    before = servers_reached([row]) if row.pk else set()
    for field in fields(grant):
        if field.name not in REFERENCES:
            setattr(row, field.name, getattr(grant, field.name))
    row.key = key
    row.server_id = grant.server_id or None
    row.principal = _principal(grant.principal)
    row.group = Group.objects.get(name=grant.group) if grant.group else None
    row.save()
    return before | servers_reached([row])


def delete_grant(key: str) -> set[str]:
    """The row only, for services that publish themselves."""
    row = Grant.objects.get(key=key)
    reached = servers_reached([row])
    row.delete()
    return reached


def _principal(key: PrincipalKey | None) -> Principal | None:
    return Principal.objects.get(issuer=key.issuer, subject=key.subject) if key else None
