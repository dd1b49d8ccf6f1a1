"""Reviews over the API: a tool as a reviewer has to see it, and the acts. Whoever approves says what they saw."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api import bodies
from controlplane.api.bodies import Described, choice, obj, text
from controlplane.api.idempotency import idempotent
from controlplane.api.views import Acted, ApiView, DetailView, acted
from controlplane.common.actor import Right
from controlplane.common.numbers import as_read
from controlplane.inventory import review
from controlplane.inventory.api_shapes import RISKS
from controlplane.inventory.definition import (
    approved_definition,
    fetch_definitions,
    mark,
    proposed,
    reading,
    seen_definition,
    takes,
)
from controlplane.inventory.definition_diff import Line, changes
from controlplane.inventory.definition_text import remarks
from controlplane.inventory.models import RISK_NAMES, Tool, ToolState
from controlplane.policy.declarative.read_servers import LONGEST_TOOL_NAME
from controlplane.policy.declarative.reader import Reader
from enforcer.contract.levels import Risk
from enforcer.contract.strict_json import JsonObject

LONGEST_REASON = 2000
LONGEST_MARK = 80
WHICH: JsonObject = {
    "server": bodies.ident(),
    "name": text("of the tool", longest=LONGEST_TOOL_NAME),
    "reason": text("why, for history and receipt", longest=LONGEST_REASON, default=""),
}
EXAMPLE: JsonObject = {"server": "files", "name": "fs_read", "reason": "OPS-12"}


class ApproveBody(Described):
    """Which tool, and `seen` as `GET /tool-reviews/{server}/{name}` gave it; `risk` is the reviewer's to set."""

    schema = obj(
        {
            **WHICH,
            "seen": text("what was looked at", longest=LONGEST_MARK),
            "risk": choice(RISKS, "as it stands, if not"),
        },
        required=["server", "name", "seen"],
        example={**EXAMPLE, "seen": "sha256:…", "risk": "LOW"},
    )


class WhichBody(Described):
    """Which tool."""

    schema = obj(WHICH, required=["server", "name"], example=EXAMPLE)


class Difference(serializers.Serializer[Line]):
    """One place of the definition, old beside new in words; `reach` says whether more arguments pass."""

    place = serializers.CharField()
    reach = serializers.ChoiceField(choices=("wider", "narrower", "neither"))
    gone = serializers.SerializerMethodField()
    new = serializers.SerializerMethodField()

    def get_gone(self, line: Line) -> str:
        """What it said."""
        return "".join(piece.text for piece in line.pieces if piece.kind != "new")

    def get_new(self, line: Line) -> str:
        """What it says."""
        return "".join(piece.text for piece in line.pieces if piece.kind != "gone")


class ToolReview(serializers.Serializer[Any]):
    """Everything that approving it would approve. Definitions are the server's own words: trust none of them."""

    server = serializers.CharField()
    name = serializers.CharField()
    state = serializers.ChoiceField(choices=ToolState.values)
    seen = serializers.CharField(help_text="say this when approving")
    risk = serializers.ChoiceField(choices=RISK_NAMES)
    proposed_risk = serializers.ChoiceField(choices=RISK_NAMES)
    why = serializers.CharField(help_text="that risk")
    problem = serializers.CharField(allow_blank=True, help_text="why it can't be approved")
    takes = serializers.ListField(child=serializers.CharField())
    remarks = serializers.ListField(child=serializers.CharField(), help_text="what one doesn't see by reading")
    approved = serializers.JSONField(allow_null=True, help_text="the pinned definition")
    live = serializers.JSONField(allow_null=True, help_text="the newest that an enforcer saw")
    differences = Difference(many=True, help_text="between the two, what got wider first")
    more_differences = serializers.IntegerField(help_text="left out")


class ToolReviewDetail(DetailView[Tool]):
    """A tool as a reviewer has to see it, whatever its state"""

    queryset = Tool.objects.filter(server__retired=False).select_related("server__trust_level")
    serializer_class = ToolReview
    lookup_fields = {"server": "server_id", "name": "name"}

    def get_object(self) -> Any:
        """In the shape that is shown."""
        return _shown(super().get_object())


class _Act(ApiView[Tool]):
    rights = {"POST": Right.EDIT_POLICY}


class ApproveTool(_Act):
    """`manage.py review`, for one."""

    @extend_schema(request=ApproveBody, responses={200: Acted})
    @idempotent
    def post(self, request: Request) -> Response:
        """Approve a tool as it was looked at; a quarantine ends by it"""
        with bodies.reading(request) as body:
            server_id, name, reason = _which(body)
            seen = body.text("seen", longest=LONGEST_MARK)
            risk = body.choice("risk", RISKS, default="")
        key = (server_id, name)
        risks = {key: Risk(risk)} if risk else {}
        done = review.review_tools(keys=[key], seen=seen, risks=risks, reason=reason, actor=self.actor)
        return Response(acted(done.change_id))


class QuarantineTool(_Act):
    """By a person, until a person ends it."""

    @extend_schema(request=WhichBody, responses={200: Acted})
    @idempotent
    def post(self, request: Request) -> Response:
        """Quarantine a tool: nobody calls it until somebody ends that"""
        return _done(request, review.quarantine_tool, self)


class EndToolQuarantine(_Act):
    """It waits for a review then."""

    @extend_schema(request=WhichBody, responses={200: Acted})
    @idempotent
    def post(self, request: Request) -> Response:
        """End the quarantine of a tool: it waits for a review"""
        return _done(request, review.end_tool_quarantine, self)


def _which(body: Reader) -> tuple[str, str, str]:
    return (
        body.ident("server"),
        body.text("name", longest=LONGEST_TOOL_NAME),
        body.text("reason", default="", longest=LONGEST_REASON, free=True),
    )


def _done(request: Request, act: Callable[..., review.Reviewed], view: ApiView[Tool]) -> Response:
    with bodies.reading(request) as body:
        server_id, name, reason = _which(body)
    done = act(server_id=server_id, name=name, reason=reason, actor=view.actor)
    return Response(acted(done.change_id))


def _shown(tool: Tool) -> dict[str, Any]:
    fetch_definitions([tool])
    live, approved, risk = seen_definition(tool), approved_definition(tool), proposed(tool)
    before: JsonObject = approved or {"name": tool.name, "inputSchema": as_read(tool.input_schema)}
    found = changes(before, live) if live and tool.state == ToolState.CHANGED and tool.pin != tool.seen else None
    names = list(Tool.objects.filter(server_id=tool.server_id).values_list("name", flat=True))
    return {
        "server": tool.server_id,
        "name": tool.name,
        "state": tool.state,
        "seen": mark([tool]),
        "risk": tool.risk,
        "proposed_risk": risk.risk,
        "why": risk.why,
        "problem": reading(tool).problem,
        "takes": list(takes(tool)),
        "remarks": list(remarks(tool, live or {"name": tool.name}, names)),
        "approved": approved,
        "live": live,
        "differences": found.lines if found else (),
        "more_differences": found.more if found else 0,
    }
