"""Lists of tables that grow for ever: newest first, paged by the last row's key. Nothing is counted, so that the
ten millionth row costs what the first does.
"""

import json
from typing import Any, ClassVar, TypeVar

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.http import urlencode

from controlplane.common.admin import PAGE
from controlplane.common.admin_pages import ToldList

M = TypeVar("M", bound=Model)
BEFORE = "before"


class KeysetList(ToldList):
    """`?before=` holds the keys of the last row of the page before."""

    older_url = newest_url = ""

    def get_filters_params(self, params: Any = None) -> dict[str, Any]:
        found: dict[str, Any] = super().get_filters_params(params)
        found.pop(BEFORE, None)
        return found

    def get_results(self, request: HttpRequest) -> None:
        """One row more than a page says whether there are older ones."""
        keys = self.model_admin.keyset  # type: ignore[attr-defined]
        before = self.params.pop(BEFORE, "")
        self.filter_params.pop(BEFORE, None)  # links to other filters begin at the newest
        rows = list(_after(self.queryset, keys, before)[: PAGE + 1])
        more, rows = len(rows) > PAGE, rows[:PAGE]
        self.model_admin.tell(rows)  # type: ignore[attr-defined]
        self.result_list = rows
        self.result_count = self.full_result_count = len(rows)
        self.show_full_result_count = self.show_admin_actions = self.can_show_all = self.multi_page = False
        self.paginator = Paginator(rows, PAGE)
        if more:
            self.older_url = self._url({BEFORE: json.dumps([str(getattr(rows[-1], key)) for key in keys])})
        if before:
            self.newest_url = self._url({})

    def _url(self, new: dict[str, str]) -> str:
        return f"?{urlencode({**self.params, **new})}"


class KeysetAdmin(admin.ModelAdmin[M]):
    """Mixed in before the base. `keyset` are the fields of the order, each descending, the last one unique."""

    keyset: ClassVar[tuple[str, ...]]
    change_list_template = "admin/keyset_list.html"
    sortable_by = ()
    show_facets = admin.ShowFacets.NEVER

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[KeysetList]:
        return KeysetList

    def get_ordering(self, request: HttpRequest) -> Any:
        return [f"-{key}" for key in self.keyset]

    def tell(self, rows: list[M]) -> None:
        """What columns say of all rows of a page is asked for once, here."""

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[M], search_term: str
    ) -> tuple[QuerySet[M], bool]:
        """A subclass says which indexes a search may use."""
        return super().get_search_results(request, queryset, search_term)


def _after(rows: QuerySet[Any], keys: tuple[str, ...], before: str) -> QuerySet[Any]:
    try:
        return rows.filter(_older(keys, before)) if before else rows
    except (ValueError, ValidationError):  # a text that is no key: too long, too deep, of another type
        raise IncorrectLookupParameters from None


def _older(keys: tuple[str, ...], text: str) -> Q:
    """Rows after that one in descending order; the first key bounds them, so that an index is walked."""
    values = json.loads(text)
    if not isinstance(values, list) or [type(value) for value in values] != [str] * len(keys):
        raise ValueError("not one text a key")
    found = Q()
    for key, value in reversed(list(zip(keys, values, strict=True))):
        found = Q(**{f"{key}__lt": value}) | (Q(**{key: value}) & found) if found else Q(**{f"{key}__lt": value})
    return Q(**{f"{keys[0]}__lte": values[0]}) & found
