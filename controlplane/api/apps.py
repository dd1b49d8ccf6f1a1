from django.apps import AppConfig


class ApiConfig(AppConfig):
    """The API under /api/v1/."""

    name = "controlplane.api"
