from django.apps import AppConfig


class PrincipalsConfig(AppConfig):
    """Who calls: principals, groups and identity providers."""

    name = "controlplane.principals"
