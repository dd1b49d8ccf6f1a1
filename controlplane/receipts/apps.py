from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ReceiptsConfig(AppConfig):
    name = "controlplane.receipts"

    def ready(self) -> None:
        from controlplane.receipts.append_only import install_after_migrate  # noqa: PLC0415 - apps load first

        post_migrate.connect(install_after_migrate, sender=self)
