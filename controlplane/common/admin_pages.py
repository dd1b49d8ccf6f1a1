"""What pages of the admin have in common beside lists and forms: bounded lists, rows told once a page, own pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.contrib.admin import ModelAdmin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse

M = TypeVar("M", bound=Model)
SHOWN = 20


@dataclass(frozen=True, slots=True)
class Some(Generic[M]):
    """The first few of many; `url` is the list that has them all."""

    rows: Sequence[M]
    total: int
    url: str = ""

    @property
    def more(self) -> int:
        """How many are left out."""
        return self.total - len(self.rows)


def some(rows: QuerySet[M], url: str = "", shown: int = SHOWN) -> Some[M]:
    """Counted only where there are more than are shown."""
    found = list(rows[: shown + 1])
    total = rows.count() if len(found) > shown else len(found)
    return Some(found[:shown], total, url)


class ToldList(ChangeList):
    """Its admin's `tell` gets the rows of the page, to ask once for what the columns say of all of them."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        self.model_admin.tell(self.result_list)  # type: ignore[attr-defined]


def without(fieldsets: Any, *names: str) -> list[tuple[Any, dict[str, Any]]]:
    """For whoever may only look: no fields that ask for something; sections that held nothing else go too."""
    kept = (
        (title, {**options, "fields": [f for f in options["fields"] if f not in names]}) for title, options in fieldsets
    )
    return [(title, options) for title, options in kept if options["fields"]]


def own_page(request: HttpRequest, admin: ModelAdmin[Any], template: str, **context: Any) -> TemplateResponse:
    """A page of an admin class that is neither list nor form; needs a `title`."""
    known = {**admin.admin_site.each_context(request), "opts": admin.opts, "media": admin.media}
    return TemplateResponse(request, template, known | context)
