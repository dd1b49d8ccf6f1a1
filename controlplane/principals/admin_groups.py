"""Groups: who is in them, and what is granted to them."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils.http import urlencode

from controlplane.accounts.identity import actor_of_request
from controlplane.common.actor import Right
from controlplane.common.admin_pages import some
from controlplane.grants.models import Grant
from controlplane.grants.sentence import sentence
from controlplane.policy.admin_fields import keep
from controlplane.policy.admin_item import ItemAdmin, ObjectForm
from controlplane.policy.declarative.outcome import Applied
from controlplane.principals.admin_members import member_page
from controlplane.principals.models import Group, Principal
from enforcer.contract.strict_json import JsonObject


class GroupForm(ObjectForm):
    """A name, which stays."""

    class Meta:
        model = Group
        fields = ("name",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            keep(self, "name")

    def item(self) -> JsonObject:
        return {"name": self.cleaned_data["name"]}


@admin.register(Group)
class GroupAdmin(ItemAdmin[Group]):
    """Made here or by naming them at a principal."""

    section = "groups"
    form = GroupForm
    list_display = ("name", "shown_members", "shown_grants")
    search_fields = ("name",)
    ordering = ("name",)

    def get_fields(self, request: HttpRequest, obj: Group | None = None) -> Any:
        return ("name",) if obj else ("name", "why")

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        """A name is all that it has, and the name stays."""
        return obj is None and super().has_change_permission(request)

    def tell(self, rows: Sequence[Group]) -> None:
        """Members and grants."""
        members = dict(_count(Principal.groups.through._default_manager.filter(group__in=rows)))
        grants = dict(_count(Grant.objects.filter(group__in=rows)))
        for row in rows:
            row.told = (members.get(row.pk, 0), grants.get(row.pk, 0))  # type: ignore[attr-defined]

    @admin.display(description="members")
    def shown_members(self, group: Group) -> str:
        return str(group.told[0])  # type: ignore[attr-defined]

    @admin.display(description="grants")
    def shown_grants(self, group: Group) -> str:
        return str(group.told[1])  # type: ignore[attr-defined]

    def get_urls(self) -> list[Any]:
        page = self.admin_site.admin_view(self.member_view)
        return [path("<int:pk>/add-member/", page, name="principals_group_add_member"), *super().get_urls()]

    def member_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Put somebody into it."""
        return member_page(request, self, pk)

    def key_item(self, obj: Group) -> JsonObject:
        return {"name": obj.name}

    def row_of(self, item: JsonObject, applied: Applied) -> Group:
        return Group.objects.get(name=str(item["name"]))

    def facts(self, request: HttpRequest, obj: Group) -> dict[str, Any]:
        actor = actor_of_request(request)
        members = f"{reverse('admin:principals_principal_changelist')}?{urlencode({'in': obj.name})}"
        grants = f"{reverse('admin:grants_grant_changelist')}?{urlencode({'of': obj.name})}"
        granted = some(obj.grants.select_related("principal", "group").order_by("key"), grants)
        for grant in granted.rows:
            grant.says = sentence(grant)  # type: ignore[attr-defined]
        return {
            "members": some(obj.members.order_by("subject", "issuer"), members),
            "granted": granted,
            "may_add": actor.may(Right.EDIT_POLICY),
            "may_grant": actor.may(Right.EDIT_POLICY) or actor.may(Right.PROPOSE),
        }


def _count(rows: Any) -> Any:
    return rows.order_by().values_list("group").annotate(n=Count("pk"))
