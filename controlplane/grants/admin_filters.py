"""Filters of the list of grants. Those that a link of another page asks for are shown only then."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from controlplane.grants.models import Grant
from controlplane.grants.reach import reaching, speaking_of
from controlplane.inventory.models import Server
from controlplane.principals.models import Principal


class WindowFilter(admin.SimpleListFilter):
    """Grants whose window is over, or not begun, decide nothing."""

    title = "window"
    parameter_name = "window"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "open now"), ("ended", "ended"), ("later", "not begun")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Grant]) -> QuerySet[Grant]:
        now = timezone.now()
        match self.value():
            case "open":
                begun = Q(not_before__isnull=True) | Q(not_before__lte=now)
                return queryset.filter(begun, Q(not_after__isnull=True) | Q(not_after__gt=now))
            case "ended":
                return queryset.filter(not_after__lte=now)
            case "later":
                return queryset.filter(not_before__gt=now)
        return queryset


class ReachingFilter(admin.SimpleListFilter):
    """Every grant that reaches a principal, its groups' too."""

    title = "reaches"
    parameter_name = "reaches"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        asked = request.GET.get("reaches", "")
        row = Principal.objects.filter(pk=asked).first() if _is_number(asked) else None
        return [(asked, str(row) if row else "nobody")] if asked else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Grant]) -> QuerySet[Grant]:
        asked = self.value()
        if not asked:
            return queryset
        row = Principal.objects.filter(pk=asked).first() if _is_number(asked) else None
        return queryset.filter(reaching(row)) if row else queryset.none()


class OnServerFilter(admin.SimpleListFilter):
    """Every grant that speaks of a server, selectors too."""

    title = "speaks of"
    parameter_name = "on"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        asked = request.GET.get("on", "")
        return [(asked, asked)] if asked else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Grant]) -> QuerySet[Grant]:
        asked = self.value()
        if not asked:
            return queryset
        row = Server.objects.filter(pk=asked).first()
        return queryset.filter(speaking_of(row)) if row else queryset.none()


class OfGroupFilter(admin.SimpleListFilter):
    """Grants that name a group."""

    title = "of group"
    parameter_name = "of"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        asked = request.GET.get("of", "")
        return [(asked, asked)] if asked else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Grant]) -> QuerySet[Grant]:
        return queryset.filter(group__name=self.value()) if self.value() else queryset


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 18
