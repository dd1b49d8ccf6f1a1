"""Principals: who calls, every grant that reaches them, and their tokens."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils.http import urlencode

from controlplane.accounts.identity import actor_of_request
from controlplane.common.actor import Right
from controlplane.common.admin import badge
from controlplane.common.admin_pages import Some, some
from controlplane.common.form_fields import LinesField
from controlplane.grants.effective import reach_of_principal
from controlplane.grants.models import Grant
from controlplane.grants.reach import count_reaching, grants_reaching
from controlplane.grants.sentence import sentence
from controlplane.incidents.models import RevokedPrincipal
from controlplane.policy.admin_fields import keep
from controlplane.policy.admin_item import ItemAdmin, ObjectForm
from controlplane.policy.declarative.outcome import Applied
from controlplane.principals.admin_issue import issue_page
from controlplane.principals.admin_tokens import tokens_of
from controlplane.principals.models import OWN_ISSUER, IdentityProvider, Principal
from enforcer.contract.strict_json import JsonObject

GROUPS_SHOWN = 3


class PrincipalForm(ObjectForm):
    """Issuer and subject are what the principal is known by; they stay."""

    issuer = forms.ChoiceField(initial=OWN_ISSUER, help_text="Who signs its tokens: drawbridge issues them itself.")
    new_groups = LinesField(
        label="New groups", widget=forms.Textarea({"rows": 2}), help_text="Names, one a line; created when you save."
    )

    class Meta:
        model = Principal
        fields = ("subject", "issuer", "actor_type", "groups")
        help_texts = {
            "subject": "As its tokens name it.",
            "groups": "It is reached by the grants of every group that it is in.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        issuers = IdentityProvider.objects.order_by("id").values_list("issuer", flat=True)
        field = self.fields["issuer"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(issuer, issuer) for issuer in (OWN_ISSUER, *issuers)]
        if self.instance.pk:
            keep(self, "subject", "issuer")

    def item(self) -> JsonObject:
        given = self.cleaned_data
        names = sorted({*(group.name for group in given["groups"]), *given["new_groups"]})
        return {
            "subject": given["subject"],
            "issuer": given["issuer"],
            "actor_type": given["actor_type"],
            "groups": [*names],
        }


class IssuerFilter(admin.SimpleListFilter):
    """One of the few issuers."""

    title = "issuer"
    parameter_name = "issuer"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        issuers = IdentityProvider.objects.order_by("id").values_list("issuer", flat=True)
        return [(issuer, issuer) for issuer in (OWN_ISSUER, *issuers)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Principal]) -> QuerySet[Principal]:
        return queryset.filter(issuer=self.value()) if self.value() else queryset


class MemberFilter(admin.SimpleListFilter):
    """Shown where a link asked for the members of a group."""

    title = "member of"
    parameter_name = "in"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        name = request.GET.get("in", "")
        return [(name, name)] if name else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Principal]) -> QuerySet[Principal]:
        return queryset.filter(groups__name=self.value()) if self.value() else queryset


@admin.register(Principal)
class PrincipalAdmin(ItemAdmin[Principal]):
    """Declare, put into groups, issue tokens."""

    section = "principals"
    form = PrincipalForm
    asks = ("new_groups", "why")
    list_display = ("subject", "issuer", "actor_type", "shown_groups", "shown_grants", "standing")
    list_filter = ("actor_type", IssuerFilter, MemberFilter)
    search_fields = ("subject",)
    autocomplete_fields = ("groups",)
    ordering = ("subject", "issuer")
    fieldsets = ((None, {"fields": ("subject", "issuer", "actor_type", "groups", "new_groups", "why")}),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Principal]:
        return super().get_queryset(request).prefetch_related("groups")

    def tell(self, rows: Sequence[Principal]) -> None:
        """How many grants reach them, and which are revoked."""
        counts, revoked = count_reaching(rows), _revoked(rows)
        for row in rows:
            row.told = (counts[row.pk], (row.issuer, row.subject) in revoked)  # type: ignore[attr-defined]

    @admin.display(description="groups")
    def shown_groups(self, principal: Principal) -> str:
        names = sorted(group.name for group in principal.groups.all())
        more = f" and {len(names) - GROUPS_SHOWN} more" if len(names) > GROUPS_SHOWN else ""
        return ", ".join(names[:GROUPS_SHOWN]) + more

    @admin.display(description="grants")
    def shown_grants(self, principal: Principal) -> str:
        count, _ = principal.told  # type: ignore[attr-defined]
        return str(count) if count else badge("none", "person")

    @admin.display(description="state")
    def standing(self, principal: Principal) -> str:
        _, revoked = principal.told  # type: ignore[attr-defined]
        return badge("revoked", "bad") if revoked else "in use"

    def key_item(self, obj: Principal) -> JsonObject:
        return {"issuer": obj.issuer, "subject": obj.subject}

    def row_of(self, item: JsonObject, applied: Applied) -> Principal:
        return Principal.objects.get(issuer=str(item["issuer"]), subject=str(item["subject"]))

    def get_urls(self) -> list[Any]:
        page = self.admin_site.admin_view(self.issue_view)
        return [path("<int:pk>/token/", page, name="principals_principal_token"), *super().get_urls()]

    def issue_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Issue a token to it."""
        return issue_page(request, self, pk)

    def facts(self, request: HttpRequest, obj: Principal) -> dict[str, Any]:
        actor = actor_of_request(request)
        return {
            "reach": reach_of(obj),
            "access": reach_of_principal(obj),
            "tokens": tokens_of(obj),
            "revoked": RevokedPrincipal.objects.filter(issuer=obj.issuer, subject=obj.subject).first(),
            "may_revoke": actor.may(Right.RAISE_KILL),
            "may_restore": actor.may(Right.LOWER_KILL),
            "own_issuer": obj.issuer == OWN_ISSUER,
            "may_issue": actor.may(Right.ISSUE_TOKENS),
            "may_grant": actor.may(Right.EDIT_POLICY) or actor.may(Right.PROPOSE),
        }


def reach_of(principal: Principal) -> Some[Grant]:
    """The grants that reach it, each with what it `says`."""
    query = urlencode({"reaches": principal.pk})
    rows = grants_reaching(principal).select_related("principal", "group", "server")
    found = some(rows, f"{reverse('admin:grants_grant_changelist')}?{query}")
    for grant in found.rows:
        grant.says = sentence(grant)  # type: ignore[attr-defined]
    return found


def _revoked(rows: Sequence[Principal]) -> set[tuple[str, str]]:
    found = RevokedPrincipal.objects.filter(subject__in=[row.subject for row in rows])
    wanted = {(row.issuer, row.subject) for row in rows}
    return {key for key in found.values_list("issuer", "subject") if key in wanted}
