"""Kill switches: raised on one page with one click, lowered on a page that says first what comes back."""

from typing import Any

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse

from controlplane.accounts.identity import actor_of_request
from controlplane.common.actor import Right
from controlplane.common.acts import Act, BecauseForm, Done
from controlplane.common.admin import badge
from controlplane.common.admin_detail import DetailAdmin
from controlplane.common.admin_pages import own_page
from controlplane.common.unseen import shortened
from controlplane.incidents.effect import effect_lines, still_held
from controlplane.incidents.following import change_of
from controlplane.incidents.forms import RaiseForm, TypedForm
from controlplane.incidents.models import KillSwitch
from controlplane.incidents.services import LONGEST_TARGET, lower_kill, raise_kill
from enforcer.contract.targets import parse_target


class RaisedFilter(admin.SimpleListFilter):
    """Whether it is up."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("raised", "raised"), ("lowered", "lowered")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[KillSwitch]) -> QuerySet[KillSwitch]:
        if self.value() in ("raised", "lowered"):
            return queryset.filter(lowered_at__isnull=self.value() == "raised")
        return queryset


@admin.register(KillSwitch)
class KillSwitchAdmin(DetailAdmin[KillSwitch]):
    """Raise, watch the fleet confirm it, lower."""

    detail_template = "admin/incidents/killswitch/detail.html"
    acts = ("lower",)
    add_right = Right.RAISE_KILL
    list_display = ("shown_state", "shown_target", "shown_reason", "raised_by", "raised_at", "shown_lowered")
    list_display_links = ("shown_state", "shown_target")
    list_filter = (RaisedFilter,)
    search_fields = ("target", "reason", "raised_by", "lowered_by")
    ordering = (F("lowered_at").desc(nulls_first=True), "-id")
    sortable_by = ("raised_at",)

    def get_urls(self) -> list[URLPattern]:
        effect = self.admin_site.admin_view(self.effect_view)
        return [path("effect/", effect, name="incidents_killswitch_effect"), *super().get_urls()]

    def effect_view(self, request: HttpRequest) -> HttpResponse:
        """The part of the page that says what the target written so far would stop."""
        target = request.GET.get("target", "").strip()[:LONGEST_TARGET]
        problem = parse_target(target) if target else ""
        said = problem if isinstance(problem, str) else ""
        context = {"title": "Effect", "lines": effect_lines(target), "problem": said}
        return own_page(request, self, "admin/incidents/killswitch/effect.html", **context)

    def add_act(self, request: HttpRequest) -> Act:
        target = request.GET.get("target", "").strip()[:LONGEST_TARGET]
        return Act(
            title="Raise a kill switch",
            button="Raise",
            tone="danger",
            right=Right.RAISE_KILL,
            form=RaiseForm,
            initial={"target": target},
            perform=lambda given: self._raise(request, given),
            back=self.list_url,
            template="admin/incidents/killswitch/raise.html",
            context={"lines": effect_lines(target)},
        )

    def _raise(self, request: HttpRequest, given: dict[str, Any]) -> Done:
        done = raise_kill(**given, actor=actor_of_request(request))
        assert done.switch is not None
        fresh = "Raised" if done.change_id else "It was raised already"
        return Done(f"{fresh}: {shortened(done.switch.target, 120)}", [done.change_id], self.url(done.switch))

    def act_lower(self, request: HttpRequest, switch: KillSwitch) -> Act:
        back = self.url(switch)
        lines = effect_lines(switch.target)
        return Act(
            title=f"Lower the switch on {switch.target}",
            button="Lower",
            right=Right.LOWER_KILL,
            slow=True,
            form=TypedForm if switch.target == "all" else BecauseForm,
            effect=["This is let through again, as far as grants allow it:", *lines, *still_held(switch)],
            perform=lambda given: self._lower(request, switch, given["reason"]),
            back=back,
        )

    def _lower(self, request: HttpRequest, switch: KillSwitch, reason: str) -> Done:
        done = lower_kill(target=switch.target, reason=reason, actor=actor_of_request(request))
        said = "Lowered" if done.change_id else "It was lowered already"
        url = self.url(done.switch or switch)
        return Done(f"{said}: {shortened(switch.target, 120)}", [done.change_id], url)

    def facts(self, request: HttpRequest, obj: KillSwitch) -> dict[str, Any]:
        raised = obj.lowered_at is None
        followed = change_of(obj.raised_by, obj.raised_at) if raised else change_of(obj.lowered_by, obj.lowered_at)
        return {
            "title": obj.target,
            "raised": raised,
            "followed": followed,
            "lines": effect_lines(obj.target) if raised else [],
            "lower_url": self.url(obj, "lower") if raised and actor_of_request(request).may(Right.LOWER_KILL) else "",
            "again_url": reverse("admin:incidents_killswitch_add"),
        }

    @admin.display(description="state")
    def shown_state(self, switch: KillSwitch) -> str:
        return badge("raised", "bad") if switch.lowered_at is None else badge("lowered", "quiet")

    @admin.display(description="target")
    def shown_target(self, switch: KillSwitch) -> str:
        return shortened(switch.target, 80)

    @admin.display(description="reason")
    def shown_reason(self, switch: KillSwitch) -> str:
        return shortened(switch.reason, 120)

    @admin.display(description="lowered")
    def shown_lowered(self, switch: KillSwitch) -> str:
        return f"{switch.lowered_at:%Y-%m-%d %H:%M} by {switch.lowered_by}" if switch.lowered_at else ""
