"""Users, what they may do, and API tokens, of which only the hash is kept."""

import secrets

from django.contrib.auth.models import AbstractUser, Group
from django.db import models

from controlplane.common.actor import Right

LABELS = {
    Right.VIEW: "see inventory, policy, incidents and fleet",
    Right.PROPOSE: "propose edits of the policy for somebody else to approve",
    Right.EDIT_POLICY: "edit the policy, and approve what others propose",
    Right.EDIT_CREDENTIALS: "edit vault backends and references",
    Right.ISSUE_TOKENS: "issue tokens to principals",
    Right.RAISE_KILL: "raise kill switches, revoke, quarantine, block egress",
    Right.LOWER_KILL: "lower kill switches, end revocations, quarantines and egress blocks",
    Right.MANAGE_FLEET: "enrol and decommission enforcers",
    Right.READ_RECEIPTS: "read receipts",
    Right.EXPORT_RECEIPTS: "export receipts",
    Right.MANAGE_PEOPLE: "manage users, roles and API tokens",
}


class User(AbstractUser):
    """Somebody who signs in. Roles are groups (`controlplane.accounts.roles`)."""


class Role(Group):
    """A group of Django's under the name that people know it by."""

    class Meta:
        proxy = True
        default_permissions = ()
        verbose_name = "role"


class Access(models.Model):  # noqa: DJ008 - never a row
    """Holds the rights as permissions; it has no table."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = [(right.value, LABELS[right]) for right in Right]


def new_key() -> str:
    """The public half of a token: it stands in lists and logs."""
    return secrets.token_hex(6)


class ApiToken(models.Model):
    """`dbk_<key>_<secret>`; the secret is stored nowhere. A revoked one keeps its row."""

    key = models.CharField(primary_key=True, max_length=16, default=new_key, editable=False)
    name = models.CharField(max_length=100)
    secret_sha256 = models.CharField(max_length=64, editable=False)
    scopes = models.JSONField(default=list)
    created_by = models.CharField(max_length=255)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.CharField(max_length=255, blank=True)

    class Meta:
        verbose_name = "API token"
        constraints = [models.CheckConstraint(name="api_token_named", condition=~models.Q(name=""))]

    def __str__(self) -> str:
        return self.name
