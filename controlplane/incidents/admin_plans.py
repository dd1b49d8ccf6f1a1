"""Kill switches that are to be raised at a time to come."""

from typing import Any

from django.contrib import admin
from django.db.models import F
from django.http import HttpRequest

from controlplane.accounts.identity import actor_of_request
from controlplane.common.actor import Right
from controlplane.common.acts import Act, Done
from controlplane.common.admin import badge
from controlplane.common.admin_detail import DetailAdmin
from controlplane.common.unseen import shortened
from controlplane.incidents.effect import effect_lines
from controlplane.incidents.forms import PlanForm
from controlplane.incidents.models import PlannedKill
from controlplane.incidents.planning import cancel_plan, plan_kill
from controlplane.incidents.services import LONGEST_TARGET


@admin.register(PlannedKill)
class PlannedKillAdmin(DetailAdmin[PlannedKill]):
    """Plan, look, cancel."""

    empty = "Nothing is planned. A planned switch raises itself, for a maintenance window for instance."
    detail_template = "admin/incidents/plannedkill/detail.html"
    acts = ("cancel",)
    add_right = Right.RAISE_KILL
    list_display = ("shown_state", "shown_target", "starts_at", "planned_by", "shown_reason")
    list_display_links = ("shown_state", "shown_target")
    search_fields = ("target", "reason", "planned_by")
    ordering = (F("ended_at").desc(nulls_first=True), "-id")
    sortable_by = ("starts_at",)

    def add_act(self, request: HttpRequest) -> Act:
        target = request.GET.get("target", "").strip()[:LONGEST_TARGET]
        return Act(
            title="Plan a kill switch",
            button="Plan",
            right=Right.RAISE_KILL,
            form=PlanForm,
            initial={"target": target},
            perform=lambda given: self._plan(request, given),
            back=self.list_url,
            template="admin/incidents/killswitch/raise.html",
            context={"lines": effect_lines(target)},
        )

    def _plan(self, request: HttpRequest, given: dict[str, Any]) -> Done:
        plan = plan_kill(**given, actor=actor_of_request(request))
        return Done(f"Planned: {shortened(plan.target, 120)}", [], self.url(plan))

    def act_cancel(self, request: HttpRequest, plan: PlannedKill) -> Act:
        return Act(
            title=f"Cancel the plan to raise {shortened(plan.target, 120)}",
            button="Cancel the plan",
            right=Right.LOWER_KILL,
            slow=True,
            effect=("This will not be stopped then:", *effect_lines(plan.target)),
            perform=lambda given: self._cancel(request, plan, given["reason"]),
            back=self.url(plan),
        )

    def _cancel(self, request: HttpRequest, plan: PlannedKill, reason: str) -> Done:
        cancelled = cancel_plan(plan_id=plan.pk, reason=reason, actor=actor_of_request(request))
        return Done("Cancelled" if cancelled else "It was over already", [], self.url(plan))

    def facts(self, request: HttpRequest, obj: PlannedKill) -> dict[str, Any]:
        to_come = obj.ended_at is None
        may_cancel = to_come and actor_of_request(request).may(Right.LOWER_KILL)
        return {
            "title": f"Planned: {obj.target}",
            "lines": effect_lines(obj.target) if to_come else [],
            "cancel_url": self.url(obj, "cancel") if may_cancel else "",
        }

    @admin.display(description="state")
    def shown_state(self, plan: PlannedKill) -> str:
        if plan.ended_at is None:
            return badge("to come", "person")
        return badge(plan.outcome.partition(":")[0].partition(" by ")[0] or "over", "quiet")

    @admin.display(description="target")
    def shown_target(self, plan: PlannedKill) -> str:
        return shortened(plan.target, 80)

    @admin.display(description="reason")
    def shown_reason(self, plan: PlannedKill) -> str:
        return shortened(plan.reason, 120)
