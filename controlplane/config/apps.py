"""Which admin site the admin pages are served by."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.contrib.admin import autodiscover
from django.contrib.admin.apps import SimpleAdminConfig
from django.contrib.admin.checks import check_admin_app, check_dependencies
from django.core import checks
from django.core.checks import CheckMessage


class DrawbridgeAdminConfig(SimpleAdminConfig):
    """Ours: sign-in by allauth, and the frame of the dashboard around every page.

    The pages are looked for by whoever serves or checks them, not by each command: that took a command a second.
    """

    default_site = "controlplane.common.admin_site.DrawbridgeAdminSite"

    def ready(self) -> None:
        """In place of Django's two checks, of which the first would find no page."""
        checks.register(check_dependencies, checks.Tags.admin)
        checks.register(_check_pages, checks.Tags.admin)


def _check_pages(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Sequence[CheckMessage]:
    autodiscover()
    return check_admin_app(app_configs, **kwargs)
