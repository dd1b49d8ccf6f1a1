from django.apps import AppConfig


class CredentialsConfig(AppConfig):
    """Vault backends and references into them."""

    name = "controlplane.credentials"
