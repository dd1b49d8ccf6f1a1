"""Filters of the list of receipts. None asks the table which values there are, and a window of time bounds them all."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from controlplane.receipts.models import Receipt
from enforcer.contract.reasons import ReasonCode
from enforcer.contract.receipt import ReceiptType
from enforcer.contract.times import to_text

DAY_S = 86_400
WINDOWS = {"day": DAY_S, "week": 7 * DAY_S, "month": 30 * DAY_S}
USUAL = "week"
INDEXED = ("server", "principal", "chain")
UNINDEXED = ("decision", "type", "reason", "enforcer")
RECEIPT_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
Rows = QuerySet[Receipt]


def endless(asked: Mapping[str, str]) -> bool:
    """Whether it would read the whole table where nothing fits."""
    narrows = any(asked.get(name) for name in (*INDEXED, "q"))
    return asked.get(WhenFilter.parameter_name) == "all" and not narrows and any(asked.get(n) for n in UNINDEXED)


class WhenFilter(admin.SimpleListFilter):
    """A receipt that is asked for by its id is found whenever it was."""

    title = "time"
    parameter_name = "when"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("day", "a day"), ("week", "7 days"), ("month", "30 days"), ("all", "all times")]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        for word, title in self.lookup_choices:
            chosen = (self.value() or USUAL) == str(word)
            address = changelist.get_query_string({self.parameter_name: word})
            yield {"selected": chosen, "query_string": address, "display": title}

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        seconds = WINDOWS.get(self.value() or USUAL)
        by_id = RECEIPT_ID.fullmatch(request.GET.get("q", "").strip())
        if seconds is None or by_id:
            return queryset
        return queryset.filter(event_time__gte=to_text(timezone.now().timestamp() - seconds))


class DecisionFilter(admin.SimpleListFilter):
    """What was decided."""

    title = "decision"
    parameter_name = "decision"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("allow", "allow"), ("deny", "deny"), ("require_approval", "require approval")]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        return queryset.filter(result=self.value()) if self.value() else queryset


class TypeFilter(admin.SimpleListFilter):
    """What the receipt is about."""

    title = "type"
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind.value, type_name(kind.value)) for kind in ReceiptType if kind != ReceiptType.CHAIN_HEAD]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        return queryset.filter(receipt_type=self.value()) if self.value() else queryset


class TextFilter(admin.SimpleListFilter):
    """A box to write in: the table is too large to be asked for all values."""

    template = "admin/text_filter.html"
    field = ""
    suggestions: Sequence[str] = ()

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("", "")]  # the box

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        others = [(name, value) for name, value in changelist.params.items() if name != self.parameter_name]
        clear = changelist.get_query_string(remove=[str(self.parameter_name)]) if self.value() else ""
        yield {"others": others, "value": self.value() or "", "clear": clear, "suggestions": self.suggestions}

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        return queryset.filter(**{self.field: self.value()}) if self.value() else queryset


class ServerFilter(TextFilter):
    """Of one server."""

    title, parameter_name, field = "server", "server", "server_id"


class EnforcerFilter(TextFilter):
    """Of one enforcer; the control plane's own are of `control-plane`."""

    title, parameter_name, field = "enforcer", "enforcer", "enforcer_id"


class PrincipalFilter(TextFilter):
    """Of one caller, or of whoever acted here."""

    title, parameter_name, field = "principal", "principal", "subject"


class ChainFilter(TextFilter):
    """Of one chain."""

    title, parameter_name, field = "chain", "chain", "chain_id"


class ReasonFilter(TextFilter):
    """Codes stand in one column, a space between them."""

    title, parameter_name = "reason code", "reason"
    suggestions = tuple(code.value for code in ReasonCode)

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        code = self.value()
        return queryset.filter(with_reason(code)) if code else queryset


def with_reason(code: str) -> Q:
    """Whose reason codes name this one; nothing in it is a pattern."""
    first, last = Q(reason_codes__startswith=f"{code} "), Q(reason_codes__endswith=f" {code}")
    return Q(reason_codes=code) | first | last | Q(reason_codes__contains=f" {code} ")


def type_name(receipt_type: str) -> str:
    """`csp.tool_safety.refusal.v1` → `refusal`."""
    return receipt_type.removeprefix("csp.").rpartition(".v")[0].rpartition(".")[2] or receipt_type
