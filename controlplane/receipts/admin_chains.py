"""Chains, and receipts that claimed a place which another one had."""

from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

from controlplane.common.actor import Right
from controlplane.common.admin import badge
from controlplane.common.admin_detail import DetailAdmin
from controlplane.receipts.models import Chain, Conflict, ReceiptIndex
from controlplane.receipts.reading import newest_hold

VERIFIED = 200
LONGEST_LINE = 100_000
NEWEST = Subquery(
    ReceiptIndex.objects.filter(chain_id=OuterRef("chain_id")).order_by("-sequence").values("sequence")[:1]
)


@admin.register(Chain)
class ChainAdmin(DetailAdmin[Chain]):
    """One process start of one enforcer."""

    empty = "No chain yet: an enforcer begins one at each start."
    view_right = Right.READ_RECEIPTS
    detail_template = "admin/receipts/chain/detail.html"
    list_display = ("chain_id", "enforcer_id", "contiguous_to", "state", "first_seen", "last_seen")
    search_fields = ("chain_id", "enforcer_id")
    ordering = ("-last_seen", "chain_id")
    show_facets = admin.ShowFacets.NEVER

    def get_queryset(self, request: HttpRequest) -> QuerySet[Chain]:
        return super().get_queryset(request).annotate(newest=NEWEST)

    def facts(self, request: HttpRequest, obj: Chain) -> dict[str, Any]:
        previous = Chain.objects.filter(chain_id=obj.previous_chain_id).first() if obj.previous_chain_id else None
        query = urlencode({"chain": obj.chain_id, "when": "all"})
        return {
            "title": f"Chain {obj.chain_id}",
            "newest": obj.newest or 0,  # type: ignore[attr-defined]  # annotated
            "previous": previous,
            "found": newest_hold(obj, VERIFIED),
            "receipts_url": f"{reverse('admin:receipts_receipt_changelist')}?{query}",
            "conflicts": Conflict.objects.filter(chain_id=obj.chain_id).count(),
        }

    @admin.display(description="state")
    def state(self, chain: Chain) -> str:
        newest = chain.newest or 0  # type: ignore[attr-defined]
        if newest > chain.contiguous_to:
            return badge(f"waits for {chain.contiguous_to + 1}", "bad")
        return badge("whole", "good")


@admin.register(Conflict)
class ConflictAdmin(DetailAdmin[Conflict]):
    """The first stays; each of these is an alarm."""

    empty = "No receipt was ever refused for claiming another one’s place. That is how it should be."
    view_right = Right.READ_RECEIPTS
    detail_template = "admin/receipts/conflict/detail.html"
    list_display = ("seen_at", "enforcer_id", "chain_id", "sequence", "shown_problem")
    search_fields = ("chain_id", "enforcer_id")
    ordering = ("-id",)
    show_facets = admin.ShowFacets.NEVER

    def get_queryset(self, request: HttpRequest) -> QuerySet[Conflict]:
        return super().get_queryset(request).defer("line")

    def facts(self, request: HttpRequest, obj: Conflict) -> dict[str, Any]:
        line = bytes(obj.line).decode(errors="replace")
        there = ReceiptIndex.objects.filter(chain_id=obj.chain_id, sequence=obj.sequence).first()
        cut = {"line": line[:LONGEST_LINE], "left_out": max(len(line) - LONGEST_LINE, 0)}
        return {"title": f"A second receipt for {obj.chain_id}/{obj.sequence}", "there": there, **cut}

    @admin.display(description="problem")
    def shown_problem(self, conflict: Conflict) -> str:
        return badge(conflict.problem, "bad")
