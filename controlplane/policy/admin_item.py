"""What pages of all objects of the policy share: facts above the form, rows told once a page, no empty questions."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from django.db.models import Model
from django.http import HttpRequest, HttpResponse

from controlplane.common.admin_pages import ToldList, without
from controlplane.common.unseen import shortened
from controlplane.policy.admin_base import PolicyAdmin

M = TypeVar("M", bound=Model)


class ItemAdmin(PolicyAdmin[M]):
    """`asks` are fields that are only asked, and shown to nobody who may not answer."""

    asks: ClassVar[Sequence[str]] = ("why",)

    def facts(self, request: HttpRequest, obj: M) -> Mapping[str, Any]:
        """What the page of an object says above its form."""
        return {}

    def tell(self, rows: Sequence[M]) -> None:
        """Give the rows of a list what its columns say of them."""

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ToldList]:
        return ToldList

    def get_fieldsets(self, request: HttpRequest, obj: M | None = None) -> Any:
        found: Any = super().get_fieldsets(request, obj)
        return found if self.has_change_permission(request, obj) else without(found, *self.asks)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], add: bool = False, change: bool = False,
        form_url: str = "", obj: M | None = None,
    ) -> HttpResponse:  # fmt: skip
        context["show_save_and_continue"] = False  # saving stays on the page anyway
        if obj is not None:
            context |= {"title": shortened(str(obj), 120), **self.facts(request, obj)}
        return super().render_change_form(request, context, add, change, form_url, obj)
