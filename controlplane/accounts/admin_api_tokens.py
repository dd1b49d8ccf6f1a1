"""API tokens: shown once, when they are made; later only that they are there, and how to end them."""

from functools import partial
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers

from controlplane.accounts.forms import NewTokenForm
from controlplane.accounts.identity import actor_of_request
from controlplane.accounts.models import LABELS, ApiToken
from controlplane.accounts.services import create_api_token, revoke_api_token
from controlplane.common.actor import Right
from controlplane.common.acts import Act, Done
from controlplane.common.admin import badge
from controlplane.common.admin_detail import DetailAdmin
from controlplane.common.admin_pages import own_page


class StateFilter(admin.SimpleListFilter):
    """What it is good for now."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("live", "live"), ("ended", "revoked or expired")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> QuerySet[ApiToken]:
        live = Q(revoked_at__isnull=True, expires_at__gt=timezone.now())
        if self.value() == "live":
            return queryset.filter(live)
        return queryset.exclude(live) if self.value() == "ended" else queryset


@admin.register(ApiToken)
class ApiTokenAdmin(DetailAdmin[ApiToken]):
    """For programs that use the API."""

    empty = "No API token. Make one for each program that asks the API, with no more rights than it needs."
    view_right = Right.MANAGE_PEOPLE
    add_right = Right.MANAGE_PEOPLE
    detail_template = "admin/accounts/apitoken/detail.html"
    acts = ("revoke",)
    list_display = ("name", "key", "shown_scopes", "created_by", "expires_at", "last_used_at", "state")
    list_filter = (StateFilter,)
    search_fields = ("name", "key", "created_by")
    ordering = ("-created_at", "key")
    sortable_by = ("name", "expires_at", "last_used_at")

    def facts(self, request: HttpRequest, obj: ApiToken) -> dict[str, Any]:
        known = {right.value: LABELS[right] for right in Right}
        return {
            "title": f"API token {obj.name}",
            "scopes": [
                (str(scope), known.get(scope, "no scope of this version, gives nothing")) for scope in obj.scopes
            ],
            "state": _state(obj),
            "revoke_url": self.url(obj, "revoke") if obj.revoked_at is None else "",
        }

    def add_act(self, request: HttpRequest) -> Act:
        return Act(
            title="Create an API token",
            button="Create",
            right=Right.MANAGE_PEOPLE,
            slow=True,
            form=partial(NewTokenForm, actor=actor_of_request(request)),
            perform=lambda given: self._create(request, given),
            back=self.list_url,
        )

    def _create(self, request: HttpRequest, given: dict[str, Any]) -> HttpResponse:
        """The token stands in this one answer and nowhere else."""
        row, token = create_api_token(**given, actor=actor_of_request(request))
        context = {"title": f"API token {row.name}", "token": token, "back": self.url(row)}
        page = own_page(request, self, "admin/accounts/apitoken/shown_once.html", original=row, **context)
        add_never_cache_headers(page)
        return page

    def act_revoke(self, request: HttpRequest, token: ApiToken) -> Act:
        return Act(
            title=f"Revoke the API token {token.name}",
            button="Revoke",
            tone="danger",
            right=Right.MANAGE_PEOPLE,
            effect=("Whatever uses it is refused at once; this can’t be undone, a new one can be created",),
            perform=lambda given: self._revoke(request, token, given["reason"]),
            back=self.url(token),
        )

    def _revoke(self, request: HttpRequest, token: ApiToken, reason: str) -> Done:
        revoke_api_token(key=token.key, reason=reason, actor=actor_of_request(request))
        return Done(f"Revoked: {token.name}", url=self.url(token))

    @admin.display(description="scopes")
    def shown_scopes(self, token: ApiToken) -> str:
        return ", ".join(str(scope) for scope in token.scopes)

    @admin.display(description="state")
    def state(self, token: ApiToken) -> str:
        return badge(*_state(token))


def _state(token: ApiToken) -> tuple[str, str]:
    if token.revoked_at is not None:
        return "revoked", "bad"
    return ("live", "good") if token.expires_at > timezone.now() else ("expired", "quiet")
