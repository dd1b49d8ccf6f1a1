"""Pages of this app in the web admin."""

from django.contrib import admin

from controlplane.common.admin import ReadOnlyAdmin
from controlplane.incidents.models import KillSwitch


@admin.register(KillSwitch)
class KillSwitchAdmin(ReadOnlyAdmin[KillSwitch]):
    """To be written."""

    search_fields = ("pk",)
