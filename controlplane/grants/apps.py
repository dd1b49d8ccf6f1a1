from django.apps import AppConfig


class GrantsConfig(AppConfig):
    """Who may call what."""

    name = "controlplane.grants"
