"""What the API says of enforcers: rows, and their own signed words."""

from typing import Any

from rest_framework import serializers

from controlplane.api.views import Row
from controlplane.fleet.models import Enforcer


class EnforcerRow(Row[Enforcer]):
    """One enforcer; nothing of what it signs in with but the public key."""

    class Meta:
        model = Enforcer
        fields: tuple[str, ...] = ("id", "servers", "public_key", "enrolled_at", "decommissioned_at", "last_seen_at")


class ReportedServer(serializers.Serializer[Any]):
    """What one server behind it runs on: the applied versions, the minimum over its workers."""

    server_id = serializers.CharField()
    snapshot_version = serializers.IntegerField()
    snapshot_hash = serializers.CharField()
    incident_epoch = serializers.IntegerField()
    incident_hash = serializers.CharField()
    in_flight_matching = serializers.IntegerField(help_text="calls under way that a switch matches")
    calls_in_flight = serializers.IntegerField(help_text="all calls under way")
    sessions = serializers.IntegerField(help_text="open ones")
    lease_age_s = serializers.FloatField(allow_null=True)
    problems = serializers.ListField(child=serializers.CharField())


class Report(serializers.Serializer[Any]):
    """Its last heartbeat, whose signature was verified."""

    issued_at = serializers.CharField()
    counter = serializers.IntegerField()
    journal_depth = serializers.IntegerField(help_text="receipts that are not acknowledged")
    schemas = serializers.ListField(child=serializers.IntegerField())
    warnings = serializers.ListField(child=serializers.CharField())
    servers = ReportedServer(many=True)


class EnforcerDetailRow(EnforcerRow):
    """And what it reports now. Without a report it is silent, or, where `known` is false, nobody could be asked."""

    known = serializers.BooleanField()
    report = Report(allow_null=True)

    class Meta(EnforcerRow.Meta):
        fields = (*EnforcerRow.Meta.fields, "known", "report")
