"""Kill switches: raised on one page with one click, lowered on a page that says first what comes back."""

from typing import Any

from django.conf import settings
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
from controlplane.incidents.forms import RaiseForm, TypedForm
from controlplane.incidents.lowering import asked, is_second, keep_raised, lower_by_two
from controlplane.incidents.models import KillSwitch
from controlplane.incidents.services import LONGEST_TARGET, raise_kill
from controlplane.incidents.suggest import suggestions
from controlplane.incidents.timeline import changes_of, timeline
from enforcer.contract.targets import parse_target

AGAIN = "This is let through again, as far as grants allow it:"
ASKING = "Nothing changes yet: somebody else has to lower it, within 24 hours. Then this is let through again:"


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

    empty = (
        "No switch was ever raised. One stops a tool, a server, a principal or everything, at every enforcer, "
        "within a second."
    )
    detail_template = "admin/incidents/killswitch/detail.html"
    acts = ("lower", "keep")
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
        context["suggestions"] = suggestions(target)
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
            context={"lines": effect_lines(target), "suggestions": suggestions(target)},
        )

    def _raise(self, request: HttpRequest, given: dict[str, Any]) -> Done:
        done = raise_kill(**given, actor=actor_of_request(request))
        assert done.switch is not None
        fresh = "Raised" if done.change_id else "It was raised already"
        return Done(f"{fresh}: {shortened(done.switch.target, 120)}", [done.change_id], self.url(done.switch))

    def act_lower(self, request: HttpRequest, switch: KillSwitch) -> Act:
        back = self.url(switch)
        lines = effect_lines(switch.target)
        actor = actor_of_request(request)
        second = not settings.KILL_LOWER_SECOND_PERSON or is_second(switch, actor)
        if settings.KILL_LOWER_SECOND_PERSON and asked(switch):
            lines = [f"{switch.asked_by} asked for it: {shortened(switch.asked_reason)}", *lines]
        return Act(
            title=f"Lower the switch on {switch.target}" if second else f"Ask to lower the switch on {switch.target}",
            button="Lower" if second else "Ask a second person",
            right=Right.LOWER_KILL,
            slow=True,
            form=TypedForm if switch.target == "all" else BecauseForm,
            effect=[AGAIN if second else ASKING, *lines, *still_held(switch)],
            perform=lambda given: self._lower(request, switch, given["reason"]),
            back=back,
        )

    def _lower(self, request: HttpRequest, switch: KillSwitch, reason: str) -> Done:
        done = lower_by_two(target=switch.target, reason=reason, actor=actor_of_request(request))
        said = "Lowered" if done.change_id else "It was lowered already"
        if done.switch is not None and done.switch.lowered_at is None:
            said = "A second person has to lower it now"
        url = self.url(done.switch or switch)
        return Done(f"{said}: {shortened(switch.target, 120)}", [done.change_id], url)

    def act_keep(self, request: HttpRequest, switch: KillSwitch) -> Act:
        return Act(
            title=f"Keep the switch on {switch.target} raised",
            button="Keep it raised",
            right=Right.RAISE_KILL,
            form=BecauseForm,
            effect=[f"{switch.asked_by or 'Nobody'} asked to lower it; that is answered with no."],
            perform=lambda given: self._keep(request, switch, given["reason"]),
            back=self.url(switch),
        )

    def _keep(self, request: HttpRequest, switch: KillSwitch, reason: str) -> Done:
        kept = keep_raised(target=switch.target, reason=reason, actor=actor_of_request(request))
        return Done("It stays raised" if kept else "Nobody had asked to lower it", [], self.url(switch))

    def facts(self, request: HttpRequest, obj: KillSwitch) -> dict[str, Any]:
        raised, actor = obj.lowered_at is None, actor_of_request(request)
        changes = changes_of(obj)
        return {
            "title": obj.target,
            "raised": raised,
            "followed": changes.raised if raised else changes.lowered,
            "lines": effect_lines(obj.target) if raised else [],
            "timeline": timeline(obj, changes, may_read_receipts=actor.may(Right.READ_RECEIPTS)),
            "asked": asked(obj),
            "alone": not settings.KILL_LOWER_SECOND_PERSON,
            "second": is_second(obj, actor),
            "lower_url": self.url(obj, "lower") if raised and actor.may(Right.LOWER_KILL) else "",
            "keep_url": self.url(obj, "keep") if asked(obj) and actor.may(Right.RAISE_KILL) else "",
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
