"""Principals, groups, identity providers. A principal is (issuer, subject); the issuer is always written out."""

from django.db import models

from controlplane.common.history import History

OWN_ISSUER = "drawbridge"


class ActorType(models.TextChoices):
    """What kind of caller this is."""

    USER = "user"
    AGENT = "agent"
    SYSTEM = "system"


class Group(models.Model):
    """A named set of principals."""

    name = models.CharField(max_length=255, unique=True)
    history = History()

    class Meta:
        constraints = [models.CheckConstraint(name="group_named", condition=~models.Q(name=""))]

    def __str__(self) -> str:
        return self.name


class Principal(models.Model):
    """Who calls. The issuer of the control plane's own tokens is `drawbridge`."""

    subject = models.CharField(max_length=255)
    issuer = models.CharField(max_length=512, default=OWN_ISSUER)
    actor_type = models.CharField(max_length=16, choices=ActorType, default=ActorType.USER)
    groups = models.ManyToManyField(Group, related_name="members", blank=True)
    history = History(m2m_fields=[groups])

    class Meta:
        constraints = [
            models.UniqueConstraint(name="principal_once_an_issuer", fields=["issuer", "subject"]),
            models.CheckConstraint(name="principal_actor_type", condition=models.Q(actor_type__in=ActorType.values)),
            models.CheckConstraint(name="principal_named", condition=~models.Q(subject="") & ~models.Q(issuer="")),
        ]

    def __str__(self) -> str:
        return self.subject if self.issuer == OWN_ISSUER else f"{self.subject} of {self.issuer}"


class IdentityProvider(models.Model):
    """An issuer whose tokens are accepted, with its public keys inline. The oldest row is the default issuer."""

    issuer = models.CharField(max_length=512, unique=True)
    audience = models.CharField(max_length=512)
    algorithms = models.JSONField()
    jwks = models.JSONField()
    claim_subject = models.CharField(max_length=255, default="sub")
    claim_actor_type = models.CharField(max_length=255, default="actor_type")
    claim_client_id = models.CharField(max_length=255, default="client_id")
    claim_org_id = models.CharField(max_length=255, default="org_id")
    history = History()

    class Meta:
        constraints = [
            models.CheckConstraint(name="idp_not_own", condition=~models.Q(issuer__in=["", OWN_ISSUER])),
            models.CheckConstraint(name="idp_audience", condition=~models.Q(audience="")),
        ]

    def __str__(self) -> str:
        return self.issuer


class IssuedToken(models.Model):
    """That a token was issued, never the token: what it says, and by what it can be revoked (`jti`)."""

    jti = models.CharField(primary_key=True, max_length=64)
    subject = models.CharField(max_length=255)
    actor_type = models.CharField(max_length=16, choices=ActorType, default=ActorType.USER)
    server_id = models.CharField(max_length=63, blank=True)
    issued_by = models.CharField(max_length=255)
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="token_window", condition=models.Q(expires_at__gt=models.F("issued_at"))),
            models.CheckConstraint(name="token_subject", condition=~models.Q(subject="")),
        ]

    def __str__(self) -> str:
        return self.jti
