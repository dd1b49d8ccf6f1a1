from django.apps import AppConfig

from enforcer.contract.log_lines import log_the_unforeseen


class ObservabilityConfig(AppConfig):
    name = "controlplane.observability"

    def ready(self) -> None:
        """A traceback of ours is no way out of the log."""
        log_the_unforeseen()
