"""Vault backends, and where in them a server's credential is kept. Rows hold references; no row ever holds a secret."""

from django.core.validators import RegexValidator
from django.db import models

from controlplane.common.history import History
from controlplane.inventory.models import Server
from enforcer.contract.targets import ID


class BackendKind(models.TextChoices):
    """What an enforcer asks for the secret: a vault over HTTPS, files on its own host, or its own environment."""

    OPENBAO = "openbao"
    VAULT = "vault"
    FILE = "file"
    ENV = "env"


REMOTE = (BackendKind.OPENBAO, BackendKind.VAULT)
OVER_HTTP = models.Q(address__startswith="https://") | models.Q(address__startswith="http://")
PLACES = (
    (models.Q(kind__in=REMOTE) & OVER_HTTP & ~models.Q(mount=""))
    | (models.Q(kind=BackendKind.FILE, address="") & models.Q(mount__startswith="/"))
    | models.Q(kind=BackendKind.ENV, address="", mount="")
)


class VaultBackend(models.Model):
    """Where secrets are kept. How an enforcer signs in to it stands in that enforcer's own file."""

    name = models.CharField(primary_key=True, max_length=63, validators=[RegexValidator(rf"\A{ID.pattern}\Z")])
    kind = models.CharField(max_length=16, choices=BackendKind)
    address = models.CharField(max_length=512, blank=True)
    mount = models.CharField(max_length=512, blank=True)
    history = History()

    class Meta:
        constraints = [
            models.CheckConstraint(name="backend_name", condition=models.Q(name__regex=rf"\A{ID.pattern}\Z")),
            models.CheckConstraint(name="backend_place", condition=PLACES),
        ]

    def __str__(self) -> str:
        return self.name


class VaultReference(models.Model):
    """Where the credential of one server is kept, and in which header it is sent."""

    server = models.OneToOneField(Server, on_delete=models.CASCADE, related_name="vault_reference")
    backend = models.ForeignKey(VaultBackend, on_delete=models.PROTECT, related_name="references")
    path = models.CharField(max_length=512)
    field = models.CharField(max_length=255, blank=True)
    header = models.CharField(max_length=64, default="Authorization")
    prefix = models.CharField(max_length=32, default="Bearer ", blank=True)
    history = History()

    class Meta:
        constraints = [
            models.CheckConstraint(name="reference_whole", condition=~models.Q(path="") & ~models.Q(header="")),
        ]

    def __str__(self) -> str:
        return f"{self.server_id} in {self.backend_id}"
