"""The only writer of grants: the rows alone, for `controlplane.policy.edits` and `apply`."""

from collections.abc import Sequence
from dataclasses import fields

from controlplane.common.bulk import create_all
from controlplane.grants.models import Grant
from controlplane.grants.specs import GrantSpec, content_key
from controlplane.principals.models import Group, Principal
from controlplane.principals.specs import PrincipalKey

REFERENCES = ("principal", "group")


def write_grant(grant: GrantSpec) -> None:
    """The row."""
    row = Grant.objects.filter(key=_key(grant)).first() or Grant()
    _set(row, grant)
    row.principal = _principal(grant.principal)
    row.group = Group.objects.get(name=grant.group) if grant.group else None
    row.save()


def create_grants(grants: Sequence[GrantSpec]) -> None:
    """Rows that are not there yet, in few queries."""
    people = {
        PrincipalKey(issuer, subject): pk
        for pk, issuer, subject in Principal.objects.values_list("pk", "issuer", "subject").iterator()
    }
    groups = dict(Group.objects.values_list("name", "pk"))
    rows = []
    for grant in grants:
        row = Grant(
            principal_id=people[grant.principal] if grant.principal else None,
            group_id=groups[grant.group] if grant.group else None,
        )
        _set(row, grant)
        rows.append(row)
    create_all(Grant, rows)


def _key(grant: GrantSpec) -> str:
    return grant.key or content_key(grant)


def _set(row: Grant, grant: GrantSpec) -> None:
    for field in fields(grant):
        if field.name not in REFERENCES:
            setattr(row, field.name, getattr(grant, field.name))
    row.key, row.server_id = _key(grant), grant.server_id or None


def delete_grant(key: str) -> None:
    """The row."""
    Grant.objects.filter(key=key).delete()


def _principal(key: PrincipalKey | None) -> Principal | None:
    return Principal.objects.get(issuer=key.issuer, subject=key.subject) if key else None
