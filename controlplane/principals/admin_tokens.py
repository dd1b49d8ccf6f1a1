"""Tokens that the control plane issued: that they were, never what they are."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from controlplane.accounts.identity import actor_of_request
from controlplane.common.actor import Right
from controlplane.common.admin import badge
from controlplane.common.admin_detail import DetailAdmin
from controlplane.common.admin_pages import Some, ToldList, some
from controlplane.incidents.models import RevokedToken
from controlplane.principals.models import OWN_ISSUER, IssuedToken, Principal

REVOKED = Exists(RevokedToken.objects.filter(jti=OuterRef("jti")))


class StateFilter(admin.SimpleListFilter):
    """What a token is good for now."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("live", "live"), ("expired", "expired"), ("revoked", "revoked")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[IssuedToken]) -> QuerySet[IssuedToken]:
        now = timezone.now()
        match self.value():
            case "live":
                return queryset.filter(~REVOKED, expires_at__gt=now)
            case "expired":
                return queryset.filter(expires_at__lte=now)
            case "revoked":
                return queryset.filter(REVOKED)
        return queryset


class SubjectFilter(admin.SimpleListFilter):
    """Shown where a link asked for the tokens of a principal."""

    title = "subject"
    parameter_name = "subject"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        subject = request.GET.get("subject", "")
        return [(subject, subject)] if subject else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[IssuedToken]) -> QuerySet[IssuedToken]:
        return queryset.filter(subject=self.value()) if self.value() else queryset


@admin.register(IssuedToken)
class IssuedTokenAdmin(DetailAdmin[IssuedToken]):
    """Who got which token, from whom, until when."""

    empty = "No token was issued here. Issue one on the page of a principal, or by manage.py issue_token SUBJECT"
    detail_template = "admin/principals/issuedtoken/detail.html"
    list_display = ("jti", "subject", "audience", "issued_by", "issued_at", "expires_at", "shown_state")
    list_filter = (StateFilter, SubjectFilter, "actor_type")
    search_fields = ("subject", "jti", "issued_by")
    ordering = ("-issued_at", "jti")

    def facts(self, request: HttpRequest, obj: IssuedToken) -> dict[str, Any]:
        tell_states([obj])
        state, tone = obj.state  # type: ignore[attr-defined]
        holder = Principal.objects.filter(issuer=OWN_ISSUER, subject=obj.subject).first()
        revoked = RevokedToken.objects.filter(jti=obj.jti).first()
        query = urlencode({"jti": obj.jti})
        may = state == "live" and actor_of_request(request).may(Right.RAISE_KILL)
        url = f"{reverse('admin:incidents_revokedtoken_add')}?{query}" if may else ""
        return {"state": state, "tone": tone, "holder": holder, "revoked": revoked, "revoke_url": url}

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ToldList]:
        return ToldList

    def tell(self, rows: Sequence[IssuedToken]) -> None:
        """Their states."""
        tell_states(rows)

    @admin.display(description="good for", ordering="server_id")
    def audience(self, token: IssuedToken) -> str:
        return token.server_id or "every server with a grant"

    @admin.display(description="state")
    def shown_state(self, token: IssuedToken) -> str:
        return badge(*token.state)  # type: ignore[attr-defined]


def tell_states(tokens: Sequence[IssuedToken]) -> None:
    """To each its `state`: a word and a tone."""
    jtis = [token.jti for token in tokens]
    revoked = set(RevokedToken.objects.filter(jti__in=jtis).values_list("jti", flat=True))
    now = timezone.now()
    for token in tokens:
        live = ("live", "good") if token.expires_at > now else ("expired", "quiet")
        token.state = ("revoked", "bad") if token.jti in revoked else live  # type: ignore[attr-defined]


def tokens_of(principal: Principal) -> Some[IssuedToken]:
    """Newest first; only the control plane's own principals have any."""
    own = principal.issuer == OWN_ISSUER
    rows = IssuedToken.objects.filter(subject=principal.subject) if own else IssuedToken.objects.none()
    url = f"{reverse('admin:principals_issuedtoken_changelist')}?{urlencode({'subject': principal.subject})}"
    found = some(rows.order_by("-issued_at", "jti"), url)
    tell_states(found.rows)
    return found
