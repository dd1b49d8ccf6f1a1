"""Enforcers: who may report, and what they reported last. Passwords are here only as SHA-256, as Redis takes them."""

from django.core.validators import RegexValidator
from django.db import models

from controlplane.inventory.models import Server
from enforcer.contract.keys import PublicKey
from enforcer.contract.targets import ID

ACTIVE = models.Q(decommissioned_at__isnull=True)


class Enforcer(models.Model):
    """`*_users` count how often the Redis users had to be made anew, and which of that each instance has."""

    id = models.CharField(primary_key=True, max_length=63, validators=[RegexValidator(rf"\A{ID.pattern}\Z")])
    public_key = models.CharField(max_length=64)
    servers = models.ManyToManyField(Server, related_name="enforcers")
    redis_password_sha256 = models.CharField(max_length=64)
    broker_password_sha256 = models.CharField(max_length=64)
    enrolled_at = models.DateTimeField(auto_now_add=True)
    decommissioned_at = models.DateTimeField(null=True, blank=True)
    wanted_users = models.PositiveIntegerField(default=1)
    policy_users = models.PositiveIntegerField(default=0)
    broker_users = models.PositiveIntegerField(default=0)
    last_seen_at = models.DateTimeField(null=True, blank=True)
    last_lease_age_s = models.FloatField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(name="enforcer_id", condition=models.Q(id__regex=rf"^{ID.pattern}$")),
            models.CheckConstraint(name="enforcer_not_reserved", condition=~models.Q(id="control-plane")),
        ]

    def __str__(self) -> str:
        return self.id

    @property
    def key(self) -> PublicKey:
        """What its heartbeats, batches and requests are verified with."""
        return PublicKey.from_text(self.public_key)


class Confirmation(models.Model):
    """When an enforcer's word came that it had applied a change on all its servers, by the control plane's clock."""

    change = models.ForeignKey("policy.Change", on_delete=models.CASCADE, related_name="confirmations")
    enforcer_id = models.CharField(max_length=63)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(name="confirmed_once", fields=["change", "enforcer_id"])]

    def __str__(self) -> str:
        return f"{self.enforcer_id} confirmed {self.change_id}"


class Invitation(models.Model):
    """A code by which one enforcer may register itself, once: until `expires_at`, and again only with the same key."""

    code_sha256 = models.CharField(max_length=64, unique=True)
    enforcer_id = models.CharField(max_length=63)
    servers = models.JSONField()
    rotates = models.BooleanField(default=False)
    invited_by = models.CharField(max_length=255)
    invited_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_by = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return f"invitation of {self.enforcer_id}"
