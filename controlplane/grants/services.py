"""The only writer of grants. A `write_*` is the row alone, for services that publish."""

from dataclasses import fields

from controlplane.common.edits import editing
from controlplane.grants.models import Grant
from controlplane.grants.reach import servers_reached
from controlplane.grants.specs import GrantSpec, content_key
from controlplane.policy.services import policy_changed
from controlplane.principals.models import Group, Principal
from controlplane.principals.specs import PrincipalKey

REFERENCES = ("principal", "group")


@editing()
def issue_grant(*, grant: GrantSpec, actor: str, reason: str = "") -> int:
    """Create or change the grant of that key; returns the change id."""
    key = grant.key or content_key(grant)
    before = servers_reached(Grant.objects.filter(key=key))
    write_grant(grant)
    reached = before | servers_reached(Grant.objects.filter(key=key))
    return policy_changed(server_ids=reached, actor=actor, reason=reason or grant.reason)


@editing()
def revoke_grant(*, key: str, actor: str, reason: str = "") -> int:
    """Delete a grant; returns the change id."""
    reached = servers_reached(Grant.objects.filter(key=key))
    delete_grant(key)
    return policy_changed(server_ids=reached, actor=actor, reason=reason)


def write_grant(grant: GrantSpec) -> None:
    """The row."""
    key = grant.key or content_key(grant)
    row = Grant.objects.filter(key=key).first() or Grant()
    for field in fields(grant):
        if field.name not in REFERENCES:
            setattr(row, field.name, getattr(grant, field.name))
    row.key = key
    row.server_id = grant.server_id or None
    row.principal = _principal(grant.principal)
    row.group = Group.objects.get(name=grant.group) if grant.group else None
    row.save()


def delete_grant(key: str) -> None:
    """The row."""
    Grant.objects.filter(key=key).delete()


def _principal(key: PrincipalKey | None) -> Principal | None:
    return Principal.objects.get(issuer=key.issuer, subject=key.subject) if key else None
