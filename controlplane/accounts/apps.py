from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AccountsConfig(AppConfig):
    """Users, roles, sign-in, API tokens."""

    name = "controlplane.accounts"

    def ready(self) -> None:
        """Roles follow the code: each migration brings them up to date. What allauth does leaves receipts."""
        from controlplane.accounts import signals  # noqa: PLC0415 - apps load first
        from controlplane.accounts.roles import bring_up_to_date  # noqa: PLC0415

        signals.connect()
        post_migrate.connect(bring_up_to_date, sender=self)
