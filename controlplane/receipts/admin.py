"""Pages of this app in the web admin."""

from django.contrib import admin

from controlplane.common.admin import ReadOnlyAdmin
from controlplane.receipts.models import Receipt


@admin.register(Receipt)
class ReceiptAdmin(ReadOnlyAdmin[Receipt]):
    """To be written."""

    search_fields = ("pk",)
