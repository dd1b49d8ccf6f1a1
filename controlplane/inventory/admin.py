"""Pages of this app in the web admin."""

from django.contrib import admin

from controlplane.common.admin import ReadOnlyAdmin
from controlplane.inventory.models import Server, Tool, TrustLevel


@admin.register(Server)
class ServerAdmin(ReadOnlyAdmin[Server]):
    """To be written."""

    search_fields = ("pk",)


@admin.register(Tool)
class ToolAdmin(ReadOnlyAdmin[Tool]):
    """To be written."""

    search_fields = ("pk",)


@admin.register(TrustLevel)
class TrustLevelAdmin(ReadOnlyAdmin[TrustLevel]):
    """To be written."""

    search_fields = ("pk",)
