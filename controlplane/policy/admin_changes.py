"""History: who changed what and why, what was published of it, and what that made different at each server."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, Max, Min, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse

from controlplane.accounts.identity import actor_of_request
from controlplane.common.actor import Actor, Right
from controlplane.common.acts import Act, Done
from controlplane.common.admin import badge
from controlplane.common.admin_detail import DetailAdmin
from controlplane.common.admin_keyset import KeysetAdmin
from controlplane.common.errors import DomainError
from controlplane.common.unseen import shortened
from controlplane.policy.declarative.problems import key_of
from controlplane.policy.history.diff import Difference, difference
from controlplane.policy.history.reading import payload_of
from controlplane.policy.history.receipt import receipt_of
from controlplane.policy.models import Change, ChangedServer, SignedDocument, Undo
from controlplane.policy.rolling_back import roll_back

SHOWN = 50
NOTHING = {"n": 0, "published": 0, "refused": 0, "first": "", "number": None}


class ServerFilter(admin.SimpleListFilter):
    """Shown where a link asked for one server's."""

    title = "server"
    parameter_name = "of"
    path = "parts__server_id"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        server_id = request.GET.get("of", "")[:63]
        return [(server_id, server_id)] if server_id else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{self.path: self.value()}) if self.value() else queryset


@admin.register(Change)
class ChangeAdmin(KeysetAdmin[Change], DetailAdmin[Change]):
    """Newest first."""

    empty = "No change yet. Edit an object here, or apply a policy file: manage.py apply policy.yaml"
    detail_template = "admin/policy/change/detail.html"
    acts = ("rollback",)
    keyset = ("id",)
    list_display = ("created_at", "actor", "shown_reason", "kind", "servers", "state")
    list_filter = ("kind", ServerFilter)
    search_fields = ("actor", "reason")

    def tell(self, rows: list[Change]) -> None:
        """What became of the parts of all of them, counted at once."""
        parts = ChangedServer.objects.filter(change__in=rows).order_by().values("change_id")
        counts = parts.annotate(
            n=Count("id"),
            published=Count("document"),
            refused=Count("id", filter=~Q(error="")),
            first=Min("server_id"),
            number=Max("document__number"),
        )
        told = {row["change_id"]: row for row in counts}
        for row in rows:
            row.told = told.get(row.pk, NOTHING)  # type: ignore[attr-defined]

    def facts(self, request: HttpRequest, obj: Change) -> dict[str, Any]:
        parts = ChangedServer.objects.filter(change=obj).order_by("server_id").select_related("document")
        parts = parts.defer("document__envelope")
        shown = list(parts[:SHOWN])
        total = parts.count() if len(shown) == SHOWN else len(shown)
        asked = request.GET.get("server", shown[0].server_id if shown else "")
        part = parts.filter(server_id=asked).first()
        receipt = receipt_of(obj)
        return {
            "title": f"Change {obj.pk}",
            "parts": shown,
            "more": total - len(shown),
            "part": part,
            "difference": _difference(part),
            "beside": _beside(part),
            "receipt": receipt,
            "may_read": actor_of_request(request).may(Right.READ_RECEIPTS),
            "roll_back_url": self.url(obj, "rollback") if self._may_roll_back(request, obj) else "",
        }

    def _may_roll_back(self, request: HttpRequest, change: Change) -> bool:
        return actor_of_request(request).may(Right.EDIT_POLICY) and Undo.objects.filter(change=change).exists()

    def act_rollback(self, request: HttpRequest, change: Change) -> Act:
        actor = actor_of_request(request)
        effect, initial = _planned(change, actor)
        return Act(
            title=f"Roll change {change.pk} back",
            button="Roll back",
            right=Right.EDIT_POLICY,
            slow=True,
            initial={"reason": initial},
            effect=effect,
            perform=lambda given: self._roll_back(request, change, given["reason"]),
            back=self.url(change),
        )

    def _roll_back(self, request: HttpRequest, change: Change, reason: str) -> Done:
        applied = roll_back(change_id=change.pk, actor=actor_of_request(request), reason=reason)
        if applied.problems:
            raise forms.ValidationError([f"{key_of(p.path)}: {p.what}; {p.right}" for p in applied.problems[:SHOWN]])
        if not applied.changes:
            return Done("Everything is as it was before that change", (), self.url(change))
        number = applied.change_ids[0] if applied.change_ids else change.pk
        url = reverse("admin:policy_change_change", args=[number])
        return Done(f"Rolled back: change {change.pk}", applied.change_ids, url)

    @admin.display(description="reason")
    def shown_reason(self, change: Change) -> str:
        return shortened(change.reason, 120) or "—"

    @admin.display(description="servers")
    def servers(self, change: Change) -> str:
        told = change.told  # type: ignore[attr-defined]
        return f"{told['first']} and {told['n'] - 1} more" if told["n"] > 1 else told["first"] or "none"

    @admin.display(description="state")
    def state(self, change: Change) -> str:
        told = change.told  # type: ignore[attr-defined]
        if told["refused"]:
            return badge(f"{told['refused']} not published", "bad")
        if told["published"] < told["n"]:
            return badge(f"published {told['published']} of {told['n']}", "person")
        return badge(f"published as {told['number']}" if told["n"] == 1 else "published", "good")


def _planned(change: Change, actor: Actor) -> tuple[list[str], str]:
    """What rolling back would do, or why it can't be done; and a reason to begin with."""
    try:
        planned = roll_back(change_id=change.pk, actor=actor, dry_run=True)
    except DomainError as refused:
        return [refused.message], ""
    problems = [f"{key_of(p.path)}: {p.what}; {p.right}" for p in planned.problems]
    lines = [change.line() for change in planned.changes]
    more = [f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    said = [*problems[:SHOWN], *lines[:SHOWN], *more, *planned.access]
    return said or ["Everything is as it was before that change"], f"rolls change {change.pk} back: "


def _difference(part: ChangedServer | None) -> Difference | None:
    """From the version before to the one that carried the change."""
    if part is None or part.document is None:
        return None
    document = SignedDocument.objects.get(pk=part.document.pk)
    return difference_between(version_of(document, document.number - 1), document)


def version_of(document: SignedDocument, number: int) -> SignedDocument | None:
    """Another version of the same server's."""
    return SignedDocument.objects.filter(kind=document.kind, server=document.server_id, number=number).first()


def difference_between(old: SignedDocument | None, new: SignedDocument) -> Difference:
    """From nothing where there is no `old` one."""
    return difference(payload_of(old) if old else {}, payload_of(new))


def _beside(part: ChangedServer | None) -> list[int]:
    """Other changes that the same version carried."""
    if part is None or part.document_id is None:
        return []
    others = ChangedServer.objects.filter(document=part.document_id).exclude(pk=part.pk).order_by("change_id")
    return list(others.values_list("change_id", flat=True)[:SHOWN])
