from django.apps import AppConfig


class ApiConfig(AppConfig):
    """The API under /api/v1/."""

    name = "controlplane.api"

    def ready(self) -> None:
        """drf-spectacular finds extensions by their being imported."""
        from controlplane.api import openapi  # noqa: F401, PLC0415 - apps load first
