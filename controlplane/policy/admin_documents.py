"""Published versions, exactly as they were signed: shown, verified where they lie, changed by nobody."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from controlplane.common.admin_detail import DetailAdmin
from controlplane.common.admin_keyset import KeysetAdmin
from controlplane.policy.admin_changes import ServerFilter, difference_to
from controlplane.policy.history.access import access_between
from controlplane.policy.history.reading import key_ids, payload_of, printed, verdict
from controlplane.policy.models import ChangedServer, Kind, SignedDocument

SHOWN = 20
NAMES = {Kind.POLICY: "Snapshot", Kind.INCIDENT: "Incident state"}


class ServerOfFilter(ServerFilter):
    """Here the server stands in the row itself."""

    path = "server_id"


@admin.register(SignedDocument)
class SignedDocumentAdmin(KeysetAdmin[SignedDocument], DetailAdmin[SignedDocument]):
    """Newest first."""

    empty = "Nothing is published yet: the publisher signs a version for each server as soon as it has one."
    detail_template = "admin/policy/signeddocument/detail.html"
    keyset = ("id",)
    list_display = ("name", "number", "generation", "published_at", "payload_hash")
    list_filter = ("kind", ServerOfFilter)
    search_fields = ("server__id", "payload_hash")

    def get_queryset(self, request: HttpRequest) -> QuerySet[SignedDocument]:
        """Envelopes are megabytes: only the page of one reads its own."""
        return super().get_queryset(request).defer("envelope")

    def facts(self, request: HttpRequest, obj: SignedDocument) -> dict[str, Any]:
        payload = payload_of(obj)
        text, left_out = printed(payload)
        siblings = SignedDocument.objects.filter(kind=obj.kind, server=obj.server_id).order_by("number").values("pk")
        changes = ChangedServer.objects.filter(document=obj).select_related("change").order_by("-change_id")
        return {
            "title": f"{NAMES[Kind(obj.kind)]} {obj.number} of {obj.server_id}",
            "key_ids": key_ids(obj),
            "verdict": verdict(obj),
            "text": text,
            "left_out": left_out,
            "before": siblings.filter(number=obj.number - 1).first(),
            "after": siblings.filter(number=obj.number + 1).first(),
            "changes": [part.change for part in changes[:SHOWN]],
            "difference": difference_to(obj),
            "access": _access(obj),
        }

    @admin.display(description="document")
    def name(self, document: SignedDocument) -> str:
        return f"{NAMES[Kind(document.kind)]} of {document.server_id}"


def _access(document: SignedDocument) -> tuple[str, ...]:
    """Since the version before; an incident state grants nobody anything."""
    if document.kind != Kind.POLICY:
        return ()
    before = SignedDocument.objects.filter(kind=document.kind, server=document.server_id, number=document.number - 1)
    return access_between(before.first(), document, timezone.now()).lines(document.server_id)
