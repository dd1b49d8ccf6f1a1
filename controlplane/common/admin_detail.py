"""Admin pages of what nobody edits: each row in its own template, with the acts that the actor may do."""

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar, TypeVar

from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse

from controlplane.accounts.identity import actor_of_request
from controlplane.common.actor import Right
from controlplane.common.acts import Act, act_page
from controlplane.common.admin import ReadOnlyAdmin
from controlplane.common.admin_pages import own_page

M = TypeVar("M", bound=Model)


class DetailAdmin(ReadOnlyAdmin[M]):
    """`detail_template` shows the object and what `facts` adds; `acts` names the methods `act_<name>`."""

    detail_template: ClassVar[str]
    acts: ClassVar[Sequence[str]] = ()
    add_right: ClassVar[Right | None] = None

    def facts(self, request: HttpRequest, obj: M) -> dict[str, Any]:
        """What the template needs besides the object."""
        return {}

    def add_act(self, request: HttpRequest) -> Act:
        """What adding is, where there is an `add_right`."""
        raise PermissionDenied

    def url(self, obj: M, name: str = "change") -> str:
        """Of a page of the object."""
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{name}", args=[quote(obj.pk)])

    @property
    def list_url(self) -> str:
        """Of the list."""
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.add_right is not None and actor_of_request(request).may(self.add_right)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        return act_page(request, self, self.add_act(request))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        obj = self.shown(request, object_id)
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        context = {"title": str(obj), **self.facts(request, obj)}
        return own_page(request, self, self.detail_template, original=obj, **context)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Django's log says nothing of it: services leave receipts."""
        raise Http404

    def get_urls(self) -> list[URLPattern]:
        here = f"{self.opts.app_label}_{self.opts.model_name}"
        made = [
            path(f"<path:object_id>/{name}/", self.admin_site.admin_view(partial(self._act, name=name)),
                 name=f"{here}_{name}")
            for name in self.acts
        ]  # fmt: skip
        return made + super().get_urls()

    def _act(self, request: HttpRequest, object_id: str, *, name: str) -> HttpResponse:
        obj = self.shown(request, object_id)
        act: Act = getattr(self, f"act_{name}")(request, obj)
        return act_page(request, self, act)

    def shown(self, request: HttpRequest, object_id: str) -> M:
        """The object, for whoever may look at it; raises what becomes 403 or 404."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            raise Http404
        return obj
