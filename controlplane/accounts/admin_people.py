"""Users and roles. Nobody is deleted: a name stands in history and receipts."""

from typing import Any

import django.contrib.auth.admin  # noqa: F401 - registers the Group that is unregistered below
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import Count, Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.cache import add_never_cache_headers

from controlplane.accounts.forms import NewUserForm, NoReasonForm, UserForm
from controlplane.accounts.identity import actor_of_request
from controlplane.accounts.models import LABELS, Role, User
from controlplane.accounts.roles import ROLES
from controlplane.accounts.services import (
    change_user,
    create_user,
    live_sessions,
    live_tokens_of,
    new_password_link,
)
from controlplane.common.actor import Right
from controlplane.common.acts import Act, Done
from controlplane.common.admin import badge
from controlplane.common.admin_detail import DetailAdmin
from controlplane.common.admin_pages import own_page

SHOWN = 50


class RoleFilter(admin.SimpleListFilter):
    """Who has it."""

    title = "role"
    parameter_name = "role"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in ROLES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        return queryset.filter(groups__name=self.value()) if self.value() else queryset


@admin.register(User)
class UserAdmin(DetailAdmin[User]):
    """They get a one-time link with which they set their password."""

    view_right = Right.MANAGE_PEOPLE
    add_right = Right.MANAGE_PEOPLE
    detail_template = "admin/accounts/user/detail.html"
    acts = ("edit", "link")
    list_display = ("username", "email", "roles", "active", "second_factor", "last_login")
    list_filter = (RoleFilter, "is_active")
    search_fields = ("username", "email")
    ordering = ("username",)
    sortable_by = ("username", "last_login")

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        factor = Exists(Authenticator.objects.filter(user=OuterRef("pk")).exclude(type="recovery_codes"))
        return super().get_queryset(request).prefetch_related("groups").annotate(has_factor=factor)

    def facts(self, request: HttpRequest, obj: User) -> dict[str, Any]:
        return {
            "title": obj.get_username(),
            "roles": sorted(group.name for group in obj.groups.all()),
            "factors": list(Authenticator.objects.filter(user=obj).values_list("type", flat=True)),
            "sessions": len(live_sessions(obj)),
            "tokens": list(live_tokens_of(obj.get_username())[:SHOWN]),
            "edit_url": self.url(obj, "edit"),
            "link_url": self.url(obj, "link") if obj.is_active else "",
            "mine": obj.get_username() == actor_of_request(request).name,
        }

    def add_act(self, request: HttpRequest) -> Act:
        return Act(
            title="Add a user",
            button="Add",
            right=Right.MANAGE_PEOPLE,
            slow=True,
            form=NewUserForm,
            perform=lambda given: self._create(request, given),
            back=self.list_url,
        )

    def _create(self, request: HttpRequest, given: dict[str, Any]) -> HttpResponse:
        actor = actor_of_request(request)
        user = create_user(**given, actor=actor)
        return self._link_page(request, user, new_password_link(user=user, actor=actor))

    def act_edit(self, request: HttpRequest, user: User) -> Act:
        roles = sorted(group.name for group in user.groups.all())
        return Act(
            title=f"Change {user.get_username()}",
            button="Save",
            right=Right.MANAGE_PEOPLE,
            slow=True,
            form=UserForm,
            initial={"email": user.email, "roles": roles, "active": user.is_active},
            effect=(
                "Whoever gains or loses a role, or is switched off, is signed out everywhere",
                "API tokens that they created stay good: revoke those that should end too",
            ),
            perform=lambda given: self._change(request, user, given),
            back=self.url(user),
        )

    def _change(self, request: HttpRequest, user: User, given: dict[str, Any]) -> Done:
        change_user(user=user, **given, actor=actor_of_request(request))
        return Done(f"Saved: {user.get_username()}", url=self.url(user))

    def act_link(self, request: HttpRequest, user: User) -> Act:
        return Act(
            title=f"A new password link for {user.get_username()}",
            button="Make the link",
            right=Right.MANAGE_PEOPLE,
            slow=True,
            form=NoReasonForm,
            effect=(
                "Whoever has the link can set the password, once, within an hour; then all sessions end",
                "A second factor that was set up is still asked for",
            ),
            perform=lambda _: self._link_page(
                request, user, new_password_link(user=user, actor=actor_of_request(request))
            ),
            back=self.url(user),
        )

    def _link_page(self, request: HttpRequest, user: User, link: str) -> HttpResponse:
        """In the answer to the very request that made it, and never again."""
        context = {"title": f"A link for {user.get_username()}", "link": link, "back": self.url(user)}
        page = own_page(request, self, "admin/accounts/user/link.html", original=user, **context)
        add_never_cache_headers(page)
        return page

    @admin.display(description="roles")
    def roles(self, user: User) -> str:
        return ", ".join(sorted(group.name for group in user.groups.all())) or "none"

    @admin.display(description="active")
    def active(self, user: User) -> str:
        return badge("active", "good") if user.is_active else badge("off", "quiet")

    @admin.display(description="second factor")
    def second_factor(self, user: User) -> str:
        return badge("set up", "good") if user.has_factor else badge("none", "person")  # type: ignore[attr-defined]


admin.site.unregister(Group)


@admin.register(Role)
class RoleAdmin(DetailAdmin[Role]):
    """What each role may is part of the program (docs/reference/roles.md)."""

    detail_template = "admin/accounts/role.html"
    list_display = ("name", "rights", "members")
    ordering = ("name",)
    sortable_by = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Role]:
        return super().get_queryset(request).annotate(n=Count("user"))

    def facts(self, request: HttpRequest, obj: Role) -> dict[str, Any]:
        rights = ROLES.get(obj.name, frozenset())
        people = actor_of_request(request).may(Right.MANAGE_PEOPLE)
        members = obj.user_set.order_by("username")
        return {
            "title": f"Role {obj.name}",
            "rights": [(right.value, LABELS[right]) for right in Right if right in rights],
            "members": list(members[:SHOWN]) if people else None,
            "total": obj.n,  # type: ignore[attr-defined]  # annotated
        }

    @admin.display(description="may")
    def rights(self, role: Role) -> str:
        return "; ".join(LABELS[right] for right in Right if right in ROLES.get(role.name, frozenset())) or "nothing"

    @admin.display(description="members")
    def members(self, role: Role) -> int:
        return int(role.n)  # type: ignore[attr-defined]
