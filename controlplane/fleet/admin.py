"""Enforcers in the web admin: what each says of itself, its file, how to enrol one, and how to let one go."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode

from controlplane.accounts.identity import actor_of_request
from controlplane.common.actor import Right
from controlplane.common.acts import Act, Done
from controlplane.common.admin import badge
from controlplane.common.admin_detail import DetailAdmin
from controlplane.common.admin_pages import ToldList, own_page
from controlplane.common.errors import DomainError
from controlplane.fleet.enrolment import BROKER_PASS, KEY, REDIS_PASS, SERVER_HMAC
from controlplane.fleet.forms import LISTEN, EnrolForm, HostForm, default_data_dir, enroll_command, file_text
from controlplane.fleet.models import ACTIVE, Enforcer
from controlplane.fleet.services import check_enrolment, decommission
from controlplane.fleet.standing import Standing, standings
from controlplane.inventory.models import Server

NAMED = 3
SHOWN = 100
SECRET_FILES = (
    (KEY, "its private key: signs heartbeats, batches of receipts and requests to the control plane"),
    (REDIS_PASS, "its password at the policy Redis"),
    (BROKER_PASS, "its password at the receipts Redis"),
    (SERVER_HMAC, "a key per server, with which arguments are hashed in receipts"),
)


class ActiveFilter(admin.SimpleListFilter):
    """Those that were let go keep their rows: their receipts are still taken."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("active", "active"), ("gone", "decommissioned")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Enforcer]) -> QuerySet[Enforcer]:
        if self.value() == "active":
            return queryset.filter(ACTIVE)
        return queryset.exclude(ACTIVE) if self.value() == "gone" else queryset


@admin.register(Enforcer)
class EnforcerAdmin(DetailAdmin[Enforcer]):
    """Nothing is edited here: `manage.py enroll` on the enforcer's host makes and renews it."""

    empty = "No enforcer is enrolled. On its host: manage.py enroll ID --server SERVER"
    detail_template = "admin/fleet/enforcer/detail.html"
    acts = ("decommission",)
    add_right = Right.MANAGE_FLEET
    list_display = ("id", "shown_standing", "shown_servers", "runs_on", "heard", "enrolled_at")
    list_filter = (ActiveFilter,)
    search_fields = ("id", "servers__id")
    ordering = (F("decommissioned_at").asc(nulls_first=True), "id")
    sortable_by = ("id", "enrolled_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Enforcer]:
        return super().get_queryset(request).prefetch_related("servers__trust_level")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ToldList]:
        return ToldList

    def tell(self, rows: Sequence[Enforcer]) -> None:
        """One question to Redis for the whole page."""
        found = standings(rows)
        for row in rows:
            row.standing = found[row.id]  # type: ignore[attr-defined]

    def get_urls(self) -> list[URLPattern]:
        pages = (("configuration", self.configuration_view), ("word", self.word_view))
        made = [
            path(f"<path:object_id>/{name}/", self.admin_site.admin_view(view), name=f"fleet_enforcer_{name}")
            for name, view in pages
        ]
        return made + super().get_urls()

    def facts(self, request: HttpRequest, obj: Enforcer) -> dict[str, Any]:
        actor = actor_of_request(request)
        manages, active = actor.may(Right.MANAGE_FLEET), obj.decommissioned_at is None
        raise_url = f"{reverse('admin:incidents_killswitch_add')}?{urlencode({'target': f'enforcer:{obj.id}'})}"
        return {
            "title": obj.id,
            "configuration_url": self.url(obj, "configuration"),
            "word_url": self.url(obj, "word"),
            "decommission_url": self.url(obj, "decommission") if manages and active else "",
            "raise_url": raise_url if actor.may(Right.RAISE_KILL) and active else "",
            **self._word(obj),
        }

    def _word(self, enforcer: Enforcer) -> dict[str, Any]:
        standing = standings([enforcer])[enforcer.id]
        servers = standing.servers
        return {"standing": standing, "servers": servers[:SHOWN], "more": max(len(servers) - SHOWN, 0)}

    def word_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The part of the page that holds what the enforcer says now."""
        enforcer = self.shown(request, object_id)
        context = {"title": enforcer.id, "original": enforcer, "word_url": self.url(enforcer, "word")}
        return own_page(request, self, "admin/fleet/enforcer/word.html", **context, **self._word(enforcer))

    def configuration_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The file for `enforcer run`, without a secret; what only its host knows is asked for."""
        enforcer = self.shown(request, object_id)
        form = HostForm({"listen": LISTEN, "data_dir": default_data_dir(enforcer.id), **request.GET.dict()})
        server_ids = sorted(server.id for server in enforcer.servers.all())
        context: dict[str, Any] = {"title": f"Configuration of {enforcer.id}", "form": form, "original": enforcer}
        if form.is_valid():
            given = form.cleaned_data
            context["file"] = file_text(enforcer.id, server_ids, given)
            context["command"] = enroll_command(enforcer.id, server_ids, given, rotate=True)
            context["secrets"] = [(f"{given['data_dir']}/{name}", what) for name, what in SECRET_FILES]
        return own_page(request, self, "admin/fleet/enforcer/configuration.html", **context)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """How to: the secrets of an enforcer are made on its own host and nowhere else."""
        if not self.has_add_permission(request) or request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        given = request.GET.dict()
        wanted = given.get("enforcer_id")
        form = EnrolForm(given) if wanted else EnrolForm(initial={"listen": LISTEN, "server": given.get("server")})
        context: dict[str, Any] = {"title": "Enrol an enforcer", "form": form, "back": self.list_url}
        if form.is_bound and form.is_valid():
            context["command"] = self._command(form)
        bare = Server.objects.filter(retired=False, enforcers__isnull=True).order_by("id")
        context["bare"] = list(bare.values_list("id", flat=True)[:SHOWN])
        return own_page(request, self, "admin/fleet/enforcer/enrol.html", **context)

    def _command(self, form: EnrolForm) -> str:
        given = form.cleaned_data
        try:
            check_enrolment(enforcer_id=given["enforcer_id"], server_ids=[given["server"]], rotate=False)
        except DomainError as refused:
            form.add_error("enforcer_id", refused.message)
            return ""
        return enroll_command(given["enforcer_id"], [given["server"]], given, rotate=False)

    def act_decommission(self, request: HttpRequest, enforcer: Enforcer) -> Act:
        return Act(
            title=f"Decommission {enforcer.id}",
            button="Decommission",
            tone="danger",
            right=Right.MANAGE_FLEET,
            slow=True,
            effect=_effect_of_decommissioning(enforcer, standings([enforcer])[enforcer.id]),
            perform=lambda given: self._decommission(request, enforcer, given["reason"]),
            back=self.url(enforcer),
        )

    def _decommission(self, request: HttpRequest, enforcer: Enforcer, reason: str) -> Done:
        was_active = decommission(enforcer_id=enforcer.id, reason=reason, actor=actor_of_request(request))
        said = "Decommissioned" if was_active else "It was decommissioned already"
        return Done(f"{said}: {enforcer.id}", url=self.url(enforcer))

    @admin.display(description="state")
    def shown_standing(self, enforcer: Enforcer) -> str:
        standing: Standing = enforcer.standing  # type: ignore[attr-defined]
        return badge(standing.word, standing.tone)

    @admin.display(description="servers")
    def shown_servers(self, enforcer: Enforcer) -> str:
        ids = sorted(server.id for server in enforcer.servers.all())
        more = f" and {len(ids) - NAMED} more" if len(ids) > NAMED else ""
        return ", ".join(ids[:NAMED]) + more

    @admin.display(description="runs on")
    def runs_on(self, enforcer: Enforcer) -> str:
        standing: Standing = enforcer.standing  # type: ignore[attr-defined]
        said = [
            f"{s.server_id} {s.state.snapshot_version} of {s.newest.version}, epoch {s.state.incident_epoch} of "
            f"{s.newest.epoch}"
            for s in standing.servers[:NAMED]
            if s.state
        ]
        return "; ".join(said) or "unknown"

    @admin.display(description="last heard of")
    def heard(self, enforcer: Enforcer) -> str:
        standing: Standing = enforcer.standing  # type: ignore[attr-defined]
        if standing.beat is not None:
            return "now"
        if standing.stops_by is not None:
            return f"{enforcer.last_seen_at:%Y-%m-%d %H:%M:%S}; stops by {standing.stops_by:%H:%M:%S}"
        return f"{enforcer.last_seen_at:%Y-%m-%d %H:%M:%S}" if enforcer.last_seen_at else "never"


def _effect_of_decommissioning(enforcer: Enforcer, standing: Standing) -> list[str]:
    ids = [server.server_id for server in standing.servers]
    others = Enforcer.objects.filter(ACTIVE, servers__in=ids).exclude(id=enforcer.id).distinct()
    lasts = max((server.trust_level.stale_all_s for server in enforcer.servers.all()), default=0)
    lines = [
        "Its users at both Redis instances are removed, and the control plane answers it no more",
        f"Without news it stops every call within {lasts} s, as its trust levels say",
        "It no longer counts where a change is applied; receipts that it still sends are taken",
        "It can be brought back with manage.py enroll --rotate on its host, with new secrets",
    ]
    if standing.beat is not None:
        lines.insert(0, "It is live: its clients lose the gate")
    if not others.exists():
        lines.insert(0, f"No other enforcer serves {', '.join(ids[:NAMED])}{' …' if len(ids) > NAMED else ''}")
    return lines
