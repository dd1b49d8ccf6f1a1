"""Receipts: searched by index, paged by key, read whole, and verified where they lie."""

import json
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.http import urlencode

from controlplane.accounts.identity import actor_of_request
from controlplane.common.actor import Right
from controlplane.common.admin import badge
from controlplane.common.admin_detail import DetailAdmin
from controlplane.common.admin_keyset import KeysetAdmin
from controlplane.common.admin_pages import own_page
from controlplane.common.unseen import shortened
from controlplane.receipts.admin_export import FROM_THE_LIST, export_view, keys_view
from controlplane.receipts.admin_filters import (
    INDEXED,
    RECEIPT_ID,
    ChainFilter,
    DecisionFilter,
    EnforcerFilter,
    PrincipalFilter,
    ReasonFilter,
    Rows,
    ServerFilter,
    TypeFilter,
    WhenFilter,
    endless,
    type_name,
)
from controlplane.receipts.links import links_of, ways_of
from controlplane.receipts.models import Receipt
from controlplane.receipts.reading import MOST_FIELDS, actions_of, content, fields, findings
from controlplane.receipts.replaying import replayed
from controlplane.receipts.verifying import newest
from enforcer.contract.reasons import EXPLANATIONS, ReasonCode
from enforcer.contract.strict_json import JsonObject, JsonValue

LONGEST_LINE = 100_000
LONGEST_VALUE = 2_000
TONES = {"allow": "good", "deny": "bad", "require_approval": "person"}


@admin.register(Receipt)
class ReceiptAdmin(KeysetAdmin[Receipt], DetailAdmin[Receipt]):
    """Newest first, of the last seven days unless somebody asks for more."""

    empty = (
        "No receipt fits. One arrives within a second or two of each call through an enforcer, and of each act here."
    )
    view_right = Right.READ_RECEIPTS
    change_list_template = "admin/receipts/receipt/change_list.html"
    detail_template = "admin/receipts/receipt/detail.html"
    keyset = ("event_time", "receipt_id")
    list_display = ("shown_time", "shown_subject", "what", "decision", "codes", "shown_type", "enforcer_id")
    list_filter = (
        WhenFilter, DecisionFilter, TypeFilter, ReasonFilter, ServerFilter, PrincipalFilter, EnforcerFilter,
        ChainFilter,
    )  # fmt: skip
    search_fields = ("receipt_id",)
    search_help_text = "A receipt’s id, a subject, a tool or server/tool, written whole."

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.replay_view)
        export = self.admin_site.admin_view(lambda request: export_view(request, self))
        keys = self.admin_site.admin_view(lambda request: keys_view(request, self))
        return [
            path("export/", export, name="receipts_receipt_export"),
            path("keys/", keys, name="receipts_receipt_keys"),
            path("<path:object_id>/replay/", view, name="receipts_receipt_replay"),
            *super().get_urls(),
        ]

    def replay_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The decision once more, from what is stored."""
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        receipt = self.shown(request, object_id)
        context = {"title": "The decision once more", "original": receipt, "again": replayed(receipt)}
        return own_page(request, self, "admin/receipts/receipt/replay.html", **context)

    def get_queryset(self, request: HttpRequest) -> Rows:
        """Lines are read for the page of one only."""
        return super().get_queryset(request).defer("line")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Nobody has the whole table read for something rare that no index knows."""
        if endless(request.GET):
            messages.warning(request, f"All times need {', '.join(INDEXED)} or a search beside it; here are 30 days.")
            return HttpResponseRedirect(f"?{urlencode({**request.GET.dict(), 'when': 'month'})}")
        may_export = actor_of_request(request).may(Right.EXPORT_RECEIPTS)
        asked = urlencode({name: value for name in FROM_THE_LIST if (value := request.GET.get(name))})
        more = {"may_export": may_export, "asked": asked, "verification": newest()}
        return super().changelist_view(request, {**(extra_context or {}), **more})

    def get_search_results(self, request: HttpRequest, queryset: Rows, search_term: str) -> tuple[Rows, bool]:
        """By whole words, each of which has an index."""
        term = search_term.strip().replace("\0", "")
        if not term:
            return queryset, False
        if RECEIPT_ID.fullmatch(term):
            return queryset.filter(receipt_id=term), False
        server_id, slash, tool = term.partition("/")
        found = Q(subject=term) | Q(tool_name=term) | Q(receipt_id=term)
        return queryset.filter(found | Q(server_id=server_id, tool_name=tool) if slash else found), False

    def tell(self, rows: list[Receipt]) -> None:
        """What people did."""
        actions = actions_of(rows)
        for row in rows:
            row.action = actions.get(row.pk, "")  # type: ignore[attr-defined]

    def facts(self, request: HttpRequest, obj: Receipt) -> dict[str, Any]:
        receipt, line = content(obj), bytes(obj.line).decode(errors="replace")
        rows = [(path, _text(value)) for path, value in fields(receipt)]
        return {
            "title": f"Receipt {obj.receipt_id}",
            "tone": TONES.get(obj.result, "quiet"),
            "type": type_name(obj.receipt_type),
            "rows": rows[:MOST_FIELDS],
            "more": len(rows) - MOST_FIELDS,
            "line": line[:LONGEST_LINE],
            "left_out": max(len(line) - LONGEST_LINE, 0),
            "findings": findings(obj),
            "reasons": _explained(receipt),
            "links": links_of(receipt),
            "ways": ways_of(receipt, may_edit=_may_edit(request)),
            "replay_url": self.url(obj, "replay") if receipt.get("facts") else "",
        }

    @admin.display(description="time")
    def shown_time(self, receipt: Receipt) -> str:
        return receipt.event_time.replace("T", " ").removesuffix("Z") or receipt.receipt_id

    @admin.display(description="who")
    def shown_subject(self, receipt: Receipt) -> str:
        return shortened(receipt.subject, 60)

    @admin.display(description="what")
    def what(self, receipt: Receipt) -> str:
        there = "/".join(filter(None, (receipt.server_id, receipt.tool_name)))
        return shortened(there or receipt.action, 100)  # type: ignore[attr-defined]

    @admin.display(description="decision")
    def decision(self, receipt: Receipt) -> str:
        return badge(receipt.result.replace("_", " "), TONES.get(receipt.result, "quiet")) if receipt.result else ""

    @admin.display(description="reason codes")
    def codes(self, receipt: Receipt) -> str:
        return shortened(receipt.reason_codes, 100)

    @admin.display(description="type")
    def shown_type(self, receipt: Receipt) -> str:
        return type_name(receipt.receipt_type)


def _explained(receipt: JsonObject) -> list[tuple[str, str, str]]:
    """Code, sentence, remedy."""
    decision = receipt.get("decision")
    codes = decision.get("reason_codes") if isinstance(decision, dict) else None
    known: dict[str, tuple[str, str]] = {code.value: EXPLANATIONS[code] for code in ReasonCode}
    return [
        (code, *known.get(code, ("This version does not know the code.", "")))
        for code in (codes if isinstance(codes, list) else [])
        if isinstance(code, str)
    ]


def _may_edit(request: HttpRequest) -> bool:
    actor = actor_of_request(request)
    return actor.may(Right.EDIT_POLICY) or actor.may(Right.PROPOSE)


def _text(value: JsonValue) -> str:
    return shortened(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), LONGEST_VALUE)
