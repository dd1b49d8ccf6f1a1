"""The only writer of grants: the rows alone, for `controlplane.policy.edits` and `apply`."""

from dataclasses import fields

from controlplane.grants.models import Grant
from controlplane.grants.specs import GrantSpec, content_key
from controlplane.principals.models import Group, Principal
from controlplane.principals.specs import PrincipalKey

REFERENCES = ("principal", "group")


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
