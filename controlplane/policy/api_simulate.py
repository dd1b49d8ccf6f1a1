"""Try it, over the API: what a gate would answer to one call, and by which steps."""

from typing import get_args

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api import bodies
from controlplane.api.bodies import Described, obj, text
from controlplane.api.views import ApiView
from controlplane.common.actor import Right
from controlplane.common.errors import InvalidState
from controlplane.inventory.models import RISK_NAMES, Server
from controlplane.policy.declarative.read_servers import LONGEST_TOOL_NAME
from controlplane.policy.simulate import Trial, simulate
from controlplane.principals.api import the_principal
from enforcer.policy.steps import NAMES, Outcome, Step

LONGEST_SUBJECT = 255
OUTCOMES = get_args(Outcome)


class SimulateBody(Described):
    """One call. A principal that isn't declared is somebody to whom no grant speaks."""

    schema = obj(
        {
            "principal": text("its subject", longest=LONGEST_SUBJECT),
            "issuer": text("where the subject is known from several", longest=512, default=""),
            "server": bodies.ident(),
            "tool": text("its name", longest=LONGEST_TOOL_NAME),
            "arguments": {"type": "object", "description": "as the caller would send them"},
        },
        required=["principal", "server", "tool"],
        example={"principal": "alice", "server": "files", "tool": "fs_read", "arguments": {"path": "reports/a.csv"}},
    )


class StepRow(serializers.Serializer[Step]):
    """One look of the decision."""

    name = serializers.ChoiceField(choices=NAMES)
    outcome = serializers.ChoiceField(choices=OUTCOMES)
    said = serializers.CharField(allow_blank=True, help_text="what was found there")


class Simulated(serializers.Serializer[Trial]):
    """`told` are the reason codes that the caller would read, where they may not know the true ones."""

    decision = serializers.ChoiceField(choices=("allow", "deny", "require_approval"), source="decision.result")
    reason_codes = serializers.ListField(child=serializers.CharField(), source="decision.reasons")
    told = serializers.ListField(child=serializers.CharField(), source="decision.told")
    message = serializers.CharField(source="explanation.message")
    remedy = serializers.CharField(source="explanation.remedy")
    risk = serializers.ChoiceField(choices=RISK_NAMES, source="decision.risk", allow_null=True)
    policy_id = serializers.CharField(source="decision.policy_id", allow_null=True, help_text="the deciding grant")
    steps = StepRow(many=True)
    assumed = serializers.ListField(child=serializers.CharField(), help_text="what only a gate knows")


class Simulate(ApiView[Server]):
    """What a gate would answer to a call."""

    rights = {"POST": Right.VIEW}

    @extend_schema(request=SimulateBody, responses={200: Simulated})
    def post(self, request: Request) -> Response:
        """Try a call: the decision by the policy as it stands, step by step; nothing is sent or stored"""
        with bodies.reading(request) as body:
            subject = body.text("principal", longest=LONGEST_SUBJECT)
            issuer = body.text("issuer", default="", longest=512)
            server_id = body.ident("server")
            tool = body.text("tool", longest=LONGEST_TOOL_NAME)
            arguments = body.mapping("arguments") or {}
        server = Server.objects.filter(id=server_id, retired=False).select_related("trust_level").first()
        if server is None:
            raise InvalidState("server", f"there is no server {server_id!r}")
        trial = simulate(
            server=server, subject=subject, issuer=_issuer(subject, issuer), tool=tool, arguments=arguments
        )
        return Response(Simulated(trial).data)


def _issuer(subject: str, given: str) -> str:
    try:
        return the_principal(subject, given or None).issuer
    except Http404:
        return given
