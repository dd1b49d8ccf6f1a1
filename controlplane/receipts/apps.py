from django.apps import AppConfig
from django.core.checks import Tags, register
from django.db.models.signals import post_migrate


class ReceiptsConfig(AppConfig):
    name = "controlplane.receipts"

    def ready(self) -> None:
        from controlplane.receipts.append_only import install_after_migrate  # noqa: PLC0415 - apps load first
        from controlplane.receipts.checks import role_can_not_change_receipts, triggers_exist  # noqa: PLC0415
        from controlplane.receipts.partition_function import prepare_after_migrate  # noqa: PLC0415

        post_migrate.connect(install_after_migrate, sender=self)
        post_migrate.connect(prepare_after_migrate, sender=self)  # the months take the triggers on with them
        register(triggers_exist, Tags.database)
        register(role_can_not_change_receipts, Tags.database, deploy=True)
