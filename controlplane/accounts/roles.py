"""Roles and their rights (docs/reference/roles.md shows the table). They are Django groups, made by every migration."""

from typing import Any

from controlplane.common.actor import Right

ROLES: dict[str, frozenset[Right]] = {
    "viewer": frozenset({Right.VIEW}),
    "auditor": frozenset({Right.VIEW, Right.READ_RECEIPTS, Right.EXPORT_RECEIPTS}),
    "responder": frozenset({Right.VIEW, Right.RAISE_KILL, Right.READ_RECEIPTS}),
    "approver": frozenset({Right.VIEW}),
    "policy author": frozenset({Right.VIEW, Right.PROPOSE, Right.RAISE_KILL, Right.READ_RECEIPTS}),
    "policy owner": frozenset(
        {
            Right.VIEW,
            Right.EDIT_POLICY,
            Right.ISSUE_TOKENS,
            Right.RAISE_KILL,
            Right.LOWER_KILL,
            Right.READ_RECEIPTS,
        }
    ),
    "platform": frozenset({Right.VIEW, Right.RAISE_KILL, Right.EDIT_CREDENTIALS, Right.MANAGE_FLEET}),
    "admin": frozenset({Right.VIEW, Right.RAISE_KILL, Right.LOWER_KILL, Right.MANAGE_FLEET, Right.MANAGE_PEOPLE}),
}


def bring_up_to_date(using: str, **_: Any) -> None:
    """Called after every migration: each role exists and has exactly its rights."""
    from django.contrib.auth.models import Group, Permission  # noqa: PLC0415 - apps load first

    rights = {
        row.codename: row
        for row in Permission.objects.using(using).filter(content_type__app_label="accounts", codename__in=list(Right))
    }
    for name, wanted in ROLES.items():
        group, _created = Group.objects.using(using).get_or_create(name=name)
        group.permissions.set([rights[right] for right in sorted(wanted)])
