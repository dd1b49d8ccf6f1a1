"""Pages of this app in the web admin."""

from django.contrib import admin

from controlplane.common.admin import ReadOnlyAdmin
from controlplane.policy.models import Change, Proposal, SignedDocument


@admin.register(Change)
class ChangeAdmin(ReadOnlyAdmin[Change]):
    """To be written."""

    search_fields = ("pk",)


@admin.register(Proposal)
class ProposalAdmin(ReadOnlyAdmin[Proposal]):
    """To be written."""

    search_fields = ("pk",)


@admin.register(SignedDocument)
class SignedDocumentAdmin(ReadOnlyAdmin[SignedDocument]):
    """To be written."""

    search_fields = ("pk",)
