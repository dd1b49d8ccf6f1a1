"""Grants. Nothing is deleted by cascade: a deny that vanished with its group would give access back in silence."""

from django.db import models

from controlplane.common.history import History
from controlplane.inventory.models import LEVEL_NAMES, RISK_NAMES, RISKS, TRUST_LEVELS, Server
from controlplane.principals.models import Group, Principal


class Effect(models.TextChoices):
    """A matching deny beats every allow."""

    ALLOW = "allow"
    DENY = "deny"


WHO = models.Q(principal__isnull=False, group__isnull=True) | models.Q(principal__isnull=True, group__isnull=False)
NAMED = models.Q(server__isnull=False, trust="", risk="")
SELECTED = models.Q(server__isnull=True, tools=[]) & ~models.Q(trust="", risk="")


class Grant(models.Model):
    """Who (principal or group) × what (server and tools, or a selector). `key` names it in receipts."""

    key = models.CharField(max_length=64, unique=True)
    effect = models.CharField(max_length=8, choices=Effect, default=Effect.ALLOW)
    principal = models.ForeignKey(Principal, on_delete=models.PROTECT, null=True, blank=True, related_name="grants")
    group = models.ForeignKey(Group, on_delete=models.PROTECT, null=True, blank=True, related_name="grants")
    server = models.ForeignKey(Server, on_delete=models.PROTECT, null=True, blank=True, related_name="grants")
    tools = models.JSONField(default=list, blank=True)
    resources = models.JSONField(default=list, blank=True)
    prompts = models.JSONField(default=list, blank=True)
    trust = models.CharField(max_length=16, choices=TRUST_LEVELS, blank=True)
    risk = models.CharField(max_length=16, choices=RISKS, blank=True)
    max_risk = models.CharField(max_length=16, choices=RISKS, default="MEDIUM")
    constraint = models.JSONField(null=True, blank=True)
    rate = models.CharField(max_length=32, blank=True)
    not_before = models.DateTimeField(null=True, blank=True)
    not_after = models.DateTimeField(null=True, blank=True)
    reason = models.TextField(blank=True)
    ticket = models.CharField(max_length=200, blank=True)
    history = History()

    class Meta:
        constraints = [
            models.CheckConstraint(name="grant_effect", condition=models.Q(effect__in=Effect.values)),
            models.CheckConstraint(name="grant_who", condition=WHO),
            models.CheckConstraint(name="grant_what", condition=NAMED | SELECTED),
            models.CheckConstraint(name="grant_trust", condition=models.Q(trust__in=["", *LEVEL_NAMES])),
            models.CheckConstraint(name="grant_risk", condition=models.Q(risk__in=["", *RISK_NAMES])),
            models.CheckConstraint(name="grant_max_risk", condition=models.Q(max_risk__in=RISK_NAMES)),
            models.CheckConstraint(
                name="grant_window",
                condition=models.Q(not_before__isnull=True)
                | models.Q(not_after__isnull=True)
                | models.Q(not_after__gt=models.F("not_before")),
            ),
        ]

    def __str__(self) -> str:
        return self.key
