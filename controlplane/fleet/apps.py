from django.apps import AppConfig


class FleetConfig(AppConfig):
    """Enforcers and what they report."""

    name = "controlplane.fleet"
