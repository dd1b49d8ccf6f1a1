"""Effective access over the API: what a principal can call, and who can call a tool."""

from typing import Any

from rest_framework import serializers

from controlplane.api.views import DetailView
from controlplane.grants.effective import Reach, Row, reach_of_principal, reach_of_tool
from controlplane.inventory.models import RISK_NAMES, Tool
from controlplane.principals.api import the_principal
from controlplane.principals.models import Principal

VERDICTS = ("callable", "approval", "refused")


class AccessRow(serializers.Serializer[Row]):
    """One principal and one tool. `grants`: what lets it pass or refuses it, by id, `through` the groups."""

    principal = serializers.CharField(source="access.subject")
    issuer = serializers.CharField(source="access.issuer")
    server = serializers.CharField(source="tool.server_id")
    tool = serializers.CharField(source="access.tool")
    risk = serializers.ChoiceField(choices=RISK_NAMES, source="access.risk")
    verdict = serializers.ChoiceField(choices=VERDICTS, source="access.verdict")
    reason_code = serializers.CharField(source="access.reason", allow_null=True, help_text="of a refusal")
    conditions = serializers.CharField(allow_blank=True)
    grants = serializers.SerializerMethodField()
    through = serializers.SerializerMethodField()

    def get_grants(self, row: Row) -> list[str]:
        """Ids, the deciding one first."""
        return [each.grant.key for each in row.through]

    def get_through(self, row: Row) -> list[str]:
        """Names of the groups."""
        return sorted({each.group for each in row.through if each.group})


class AccessAnswer(serializers.Serializer[Reach]):
    """`more` rows are left out; `whole` is false where not everything could be looked through, `problem` says why."""

    rows = AccessRow(many=True)
    more = serializers.IntegerField()
    whole = serializers.BooleanField()
    problem = serializers.CharField(allow_blank=True)


class PrincipalAccess(DetailView[Any]):
    """What a principal can call, and why; `issuer` says which where several issuers know the subject"""

    query = {"GET": ("issuer",)}
    queryset = Principal.objects.all()
    serializer_class = AccessAnswer

    def get_object(self) -> Reach:
        """Tools that a grant of theirs speaks of."""
        return reach_of_principal(the_principal(self.kwargs["subject"], self.request.query_params.get("issuer")))


class ToolAccess(DetailView[Any]):
    """Who can call a tool, and why"""

    queryset = Tool.objects.filter(server__retired=False).select_related("server__trust_level")
    serializer_class = AccessAnswer
    lookup_fields = {"server": "server_id", "name": "name"}

    def get_object(self) -> Reach:
        """Principals of whose grants one speaks of it."""
        return reach_of_tool(super().get_object())
