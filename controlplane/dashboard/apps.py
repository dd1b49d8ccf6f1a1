from django.apps import AppConfig


class DashboardConfig(AppConfig):
    """The pages that are not admin forms, and the frame around all of them."""

    name = "controlplane.dashboard"
