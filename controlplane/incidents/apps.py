from django.apps import AppConfig


class IncidentsConfig(AppConfig):
    """Kill switches, revocations, quarantines."""

    name = "controlplane.incidents"
