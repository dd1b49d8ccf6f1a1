"""What is wrong, and what was: read here, written by the watcher alone."""

from typing import Any

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest

from controlplane.common.admin import badge
from controlplane.common.admin_detail import DetailAdmin
from controlplane.notices.kinds import KINDS
from controlplane.notices.models import Notice


class OpenFilter(admin.SimpleListFilter):
    """Whether it is still so."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "open"), ("over", "over")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Notice]) -> QuerySet[Notice]:
        if self.value() in ("open", "over"):
            return queryset.filter(closed_at__isnull=self.value() == "open")
        return queryset


@admin.register(Notice)
class NoticeAdmin(DetailAdmin[Notice]):
    """Who was told stands on the page of each."""

    empty = (
        "Nothing is wrong, and nothing was, of what the watcher looks for: a publisher or ingest that stands "
        "still, a silent enforcer, a stop that nobody confirms, a chain with a gap. NOTIFY_EMAIL and "
        "NOTIFY_WEBHOOK say who else is told."
    )
    detail_template = "admin/notices/notice/detail.html"
    list_display = ("shown_state", "shown_title", "about", "text", "opened_at", "closed_at")
    list_display_links = ("shown_state", "shown_title")
    list_filter = (OpenFilter,)
    search_fields = ("about", "text")
    ordering = (F("closed_at").desc(nulls_first=True), "-id")
    sortable_by = ("opened_at",)

    def facts(self, request: HttpRequest, obj: Notice) -> dict[str, Any]:
        kind = KINDS.get(obj.kind)
        return {
            "title": kind.title if kind else obj.kind,
            "remedy": kind.remedy if kind and obj.closed_at is None else "",
            "deliveries": list(obj.deliveries.order_by("id")[:50]),
        }

    @admin.display(description="state")
    def shown_state(self, notice: Notice) -> str:
        return badge("open", "bad") if notice.closed_at is None else badge("over", "quiet")

    @admin.display(description="what")
    def shown_title(self, notice: Notice) -> str:
        kind = KINDS.get(notice.kind)
        return kind.title if kind else notice.kind
