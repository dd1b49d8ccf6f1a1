"""The base of every admin page. Pages show and ask; whatever is written goes through services."""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar, TypeVar

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.html import format_html

from controlplane.accounts.identity import actor_of_request
from controlplane.common.actor import Right
from controlplane.common.admin_history import history_of
from controlplane.common.admin_pages import own_page
from controlplane.common.errors import DomainError
from controlplane.common.unseen import shortened

M = TypeVar("M", bound=Model)
PAGE = 50


def badge(text: str, tone: str) -> str:
    """A word with a colour behind it: `good`, `bad`, `person` (somebody has to act) or `quiet`."""
    return format_html('<span class="badge {}">{}</span>', tone, text)


class BaseAdmin(admin.ModelAdmin[M]):
    """Looking needs `view_right`; nothing may be added, changed or deleted unless a subclass says how."""

    view_right: ClassVar[Right] = Right.VIEW
    empty: ClassVar[str] = ""  # what a list without any row says: what would stand there, and how it comes about
    list_per_page = PAGE
    list_max_show_all = PAGE
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # each would count the whole table

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Under the name of what is listed."""
        title = str(self.opts.verbose_name_plural)
        return super().changelist_view(request, {"title": title[:1].upper() + title[1:], **(extra_context or {})})

    def has_module_permission(self, request: HttpRequest) -> bool:
        return actor_of_request(request).may(self.view_right)

    def has_view_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return actor_of_request(request).may(self.view_right)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """What services wrote down, in place of Django's log of forms."""
        obj = self.get_object(request, unquote(object_id))
        if not self.has_view_permission(request, obj):
            raise PermissionDenied
        if obj is None or not hasattr(self.model, "history"):
            raise Http404
        before = request.GET.get("before", "")
        number = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None
        context = {"title": f"History of {shortened(str(obj), 120)}", "object": obj, "past": history_of(obj, number)}
        return own_page(request, self, "admin/object_history.html", **context)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Django's own action would delete rows past the services."""
        found = super().get_actions(request)
        found.pop("delete_selected", None)
        return dict(found)

    def save_model(self, request: HttpRequest, obj: M, form: Any, change: bool) -> None:
        """A subclass that lets somebody write says through which service."""
        raise PermissionDenied

    def delete_model(self, request: HttpRequest, obj: M) -> None:
        raise PermissionDenied

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[M]) -> None:
        raise PermissionDenied

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """The service has written everything."""


class ReadOnlyAdmin(BaseAdmin[M]):
    """Shown to whoever may look, changed by nobody, superusers included."""


def told(request: HttpRequest, act: Callable[[], Any], said: str) -> bool:
    """Do it; what the service refuses is said as a message. Whether it was done."""
    try:
        act()
    except DomainError as problem:
        messages.error(request, problem.message)
        return False
    messages.success(request, said)
    return True


def tell_of_changes(request: HttpRequest, change_ids: Iterable[int], said: str) -> None:
    """A message below which the page shows *saved → published → applied n of m*, live."""
    ids = "-".join(str(id_) for id_ in change_ids)
    messages.success(request, said, extra_tags=f"publication {ids}" if ids else "")
