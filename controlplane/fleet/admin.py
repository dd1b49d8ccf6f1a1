"""Pages of this app in the web admin."""

from django.contrib import admin

from controlplane.common.admin import ReadOnlyAdmin
from controlplane.fleet.models import Enforcer


@admin.register(Enforcer)
class EnforcerAdmin(ReadOnlyAdmin[Enforcer]):
    """To be written."""

    search_fields = ("pk",)
