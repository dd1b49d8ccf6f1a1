"""What pages of all objects of the policy share: facts above the form, rows told once a page, no empty questions."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from django.contrib import messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from controlplane.common.admin_pages import ToldList, without
from controlplane.common.errors import DomainError
from controlplane.common.unseen import shortened
from controlplane.policy.admin_base import ItemForm, PolicyAdmin

M = TypeVar("M", bound=Model)
THERE = {
    "identity_providers": "a provider of this issuer",
    "vault_backends": "a backend of this name",
    "groups": "a group of this name",
    "principals": "a principal of this issuer and subject",
    "servers": "a server of this id",
    "risk_patterns": "this pattern for this place",
    "tools": "a tool of this name on this server",
    "grants": "a grant that says the same, or has this id",
}


class ObjectForm(ItemForm):
    """A form that adds an object doesn't change one that is there already."""

    def _post_clean(self) -> None:
        super()._post_clean()
        if self.errors or not self.instance._state.adding:
            return
        if not any(change.section == self.section and change.sign == "+" for change in self.applied.changes):
            self.add_error(None, f"there is one already: {THERE[self.section]}; open it to change it")


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

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:  # fmt: skip
        """What became impossible since the form was checked is said, and nothing is written."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except DomainError as refused:
            return self._refused(request, refused)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None) -> Any:
        try:
            return super().delete_view(request, object_id, extra_context)
        except DomainError as refused:
            return self._refused(request, refused)

    def _refused(self, request: HttpRequest, refused: DomainError) -> HttpResponse:
        messages.error(request, f"Not saved: {refused.message}")
        return HttpResponseRedirect(request.path if request.method == "POST" else "..")

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], add: bool = False, change: bool = False,
        form_url: str = "", obj: M | None = None,
    ) -> HttpResponse:  # fmt: skip
        context["show_save_and_continue"] = False  # saving stays on the page anyway
        if obj is not None:
            context |= {"title": shortened(str(obj), 120), **self.facts(request, obj)}
        return super().render_change_form(request, context, add, change, form_url, obj)
