"""Planned kill switches over the API."""

from http import HTTPStatus

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.bodies import reading
from controlplane.api.filters import Absent, Equal, Filters
from controlplane.api.idempotency import idempotent
from controlplane.api.views import Acted, ApiView, NewestFirst, acted
from controlplane.common.actor import Right
from controlplane.incidents import api_shapes as shapes
from controlplane.incidents import services
from controlplane.incidents.models import PlannedKill
from controlplane.incidents.planning import cancel_plan, plan_kill


class PlannedKillFilter(Filters):
    """`open=true` is what is to come."""

    target = Equal("target")
    open = Absent("ended_at", "whether it is to come")


class PlannedKills(NewestFirst[PlannedKill]):
    """Kill switches that are to be raised at a time to come"""

    rights = {"GET": Right.VIEW, "POST": Right.RAISE_KILL}
    queryset = PlannedKill.objects.all()
    serializer_class = shapes.PlannedKillRow
    filterset_class = PlannedKillFilter
    throttle_classes = ()

    @extend_schema(request=shapes.PlanBody, responses={201: shapes.PlannedKillRow})
    @idempotent
    def post(self, request: Request) -> Response:
        """Plan to raise a kill switch"""
        with reading(request) as body:
            target = body.text("target", longest=services.LONGEST_TARGET)
            starts_at = body.time("starts_at")
            reason = body.text("reason", longest=shapes.LONGEST_REASON, free=True)
            message = body.text("message", default="", longest=services.LONGEST_MESSAGE)
            expires_at = body.time("expires_at")
            if starts_at is None:
                body.wrong("starts_at", "is missing", "a time to come like 2027-01-31T22:00:00Z")
        assert starts_at is not None
        plan = plan_kill(
            target=target, starts_at=starts_at, reason=reason, message=message, expires_at=expires_at, actor=self.actor
        )
        return Response(shapes.PlannedKillRow(plan).data, status=HTTPStatus.CREATED)


class CancelPlan(ApiView[PlannedKill]):
    """Before its time has come."""

    rights = {"POST": Right.LOWER_KILL}
    fresh = ("POST",)

    @extend_schema(request=shapes.BecauseBody, responses={200: Acted})
    @idempotent
    def post(self, request: Request, pk: int) -> Response:
        """Cancel a planned kill switch"""
        get_object_or_404(PlannedKill, pk=pk)
        with reading(request) as body:
            reason = body.text("reason", longest=shapes.LONGEST_REASON, free=True)
        cancel_plan(plan_id=pk, reason=reason, actor=self.actor)
        return Response(acted(None))
