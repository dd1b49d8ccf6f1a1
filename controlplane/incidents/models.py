"""What is switched off: kill switches, revoked principals and tokens, quarantines, egress. A lowered switch stays."""

from django.db import models
from django.db.models import Q

from controlplane.inventory.models import Server


class AskedToEnd(models.Model):
    """What gives access back takes two persons: the first one stands here."""

    asked_by = models.CharField(max_length=255, blank=True)
    asked_at = models.DateTimeField(null=True, blank=True)
    asked_reason = models.TextField(blank=True)

    class Meta:
        abstract = True

    def forget_asked(self) -> None:
        """It is to stay."""
        self.asked_by, self.asked_at, self.asked_reason = "", None, ""
        self.save(update_fields=["asked_by", "asked_at", "asked_reason"])


class KillSwitch(AskedToEnd):
    """`message` is told to callers; reasons stay here."""

    target = models.CharField(max_length=512)
    reason = models.TextField()
    message = models.CharField(max_length=500, blank=True)
    raised_by = models.CharField(max_length=255)
    raised_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)  # lowered then by itself
    lowered_by = models.CharField(max_length=255, blank=True)
    lowered_at = models.DateTimeField(null=True, blank=True)
    lowered_reason = models.TextField(blank=True)

    class Meta:
        verbose_name_plural = "kill switches"
        constraints = [
            models.UniqueConstraint(name="raised_once", fields=["target"], condition=Q(lowered_at__isnull=True)),
            models.CheckConstraint(name="switch_named", condition=~Q(target="") & ~Q(raised_by="")),
            models.CheckConstraint(
                name="switch_lowered_by",
                condition=Q(lowered_at__isnull=True, lowered_by="") | (Q(lowered_at__isnull=False) & ~Q(lowered_by="")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.target} (kill-{self.pk})"


class PlannedKill(models.Model):
    """A switch that is to be raised at a time to come. `outcome` says what became of it."""

    target = models.CharField(max_length=512)
    reason = models.TextField()
    message = models.CharField(max_length=500, blank=True)
    starts_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    planned_by = models.CharField(max_length=255)
    planned_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=500, blank=True)
    switch = models.ForeignKey(KillSwitch, null=True, blank=True, on_delete=models.PROTECT, related_name="plans")

    class Meta:
        indexes = [models.Index(name="plans_to_come", fields=["starts_at"], condition=Q(ended_at__isnull=True))]

    def __str__(self) -> str:
        return f"{self.target} (plan-{self.pk})"


class RevokedPrincipal(AskedToEnd):
    """Every token of it is refused."""

    subject = models.CharField(max_length=255)
    issuer = models.CharField(max_length=512)
    actor = models.CharField(max_length=255)
    reason = models.TextField(blank=True)
    revoked_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(name="revoked_principal_once", fields=["issuer", "subject"])]

    def __str__(self) -> str:
        return f"{self.subject} of {self.issuer}"


class RevokedToken(models.Model):
    """A token id. Once the token has expired the row need not be published any more."""

    jti = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    actor = models.CharField(max_length=255)
    reason = models.TextField(blank=True)
    revoked_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.jti


class Quarantine(AskedToEnd):
    """`principal:SUBJECT` or `session:ID`."""

    target = models.CharField(max_length=512, unique=True)
    actor = models.CharField(max_length=255)
    reason = models.TextField(blank=True)
    started_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="quarantine_target",
                condition=Q(target__startswith="principal:") | Q(target__startswith="session:"),
            )
        ]

    def __str__(self) -> str:
        return self.target


class EgressBlock(AskedToEnd):
    """The server may reach nothing: no call with a URL argument passes, a process of the gate's own has no network."""

    server = models.OneToOneField(Server, on_delete=models.PROTECT, related_name="egress_block")
    actor = models.CharField(max_length=255)
    reason = models.TextField(blank=True)
    started_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"egress of {self.server_id}"
