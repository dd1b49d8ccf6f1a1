"""Published versions, exactly as they were signed: shown, verified where they lie, changed by nobody."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from controlplane.common.admin_detail import DetailAdmin
from controlplane.common.admin_keyset import KeysetAdmin
from controlplane.common.unseen import shortened
from controlplane.policy.admin_changes import ServerFilter, difference_between, version_of
from controlplane.policy.history.access import access_between
from controlplane.policy.history.reading import key_ids, payload_of, printed, verdict
from controlplane.policy.models import ChangedServer, Kind, SignedDocument

SHOWN = 20
LONGEST_NUMBER = 19  # digits that a database takes
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
        since, problem = _since(request, obj)
        return {
            "since": since,
            "problem": problem,
            "title": f"{NAMES[Kind(obj.kind)]} {obj.number} of {obj.server_id}",
            "key_ids": key_ids(obj),
            "verdict": verdict(obj),
            "text": text,
            "left_out": left_out,
            "before": siblings.filter(number=obj.number - 1).first(),
            "after": siblings.filter(number=obj.number + 1).first(),
            "changes": [part.change for part in changes[:SHOWN]],
            "difference": difference_between(since, obj),
            "access": _access(since, obj),
        }

    @admin.display(description="document")
    def name(self, document: SignedDocument) -> str:
        return f"{NAMES[Kind(document.kind)]} of {document.server_id}"


def _since(request: HttpRequest, document: SignedDocument) -> tuple[SignedDocument | None, str]:
    """The version to compare with, the one before unless another is asked for; and what is wrong with that."""
    asked = request.GET.get("since", "")
    if asked:
        number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < LONGEST_NUMBER else 0
        found = version_of(document, number)
        if found is not None:
            return found, ""
    problem = f"There is no version {shortened(asked, 40)} of it; compared with the one before." if asked else ""
    return version_of(document, document.number - 1), problem


def _access(since: SignedDocument | None, document: SignedDocument) -> tuple[str, ...]:
    """An incident state grants nobody anything."""
    if document.kind != Kind.POLICY:
        return ()
    return access_between(since, document, timezone.now()).lines(document.server_id)
