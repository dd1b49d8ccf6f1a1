from django.apps import AppConfig


class InventoryConfig(AppConfig):
    """Trust levels, servers and their tools."""

    name = "controlplane.inventory"
