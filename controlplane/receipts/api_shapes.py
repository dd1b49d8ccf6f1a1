"""What the API says of receipts."""

from typing import Any

from rest_framework import serializers

from controlplane.api.views import Row
from controlplane.policy.api_simulate import StepRow
from controlplane.receipts.models import Checkpoint, Receipt
from controlplane.receipts.replaying import OUTCOMES, Replayed
from enforcer.contract import strict_json

RESULTS = ("allow", "deny", "require_approval")
FIELDS = ("receipt_id", "receipt_type", "enforcer_id", "chain_id", "sequence", "event_time", "server_id", "tool_name",
          "subject", "result", "reason_codes", "ingested_at")  # fmt: skip


class ReceiptRow(Row[Receipt]):
    """What a receipt can be found by."""

    reason_codes = serializers.SerializerMethodField()

    class Meta:
        model = Receipt
        fields: tuple[str, ...] = FIELDS

    def get_reason_codes(self, row: Receipt) -> list[str]:
        """One column holds them all."""
        return row.reason_codes.split()


class ReceiptDetailRow(ReceiptRow):
    """And the receipt itself. `line` is the evidence: its bytes are what was hashed."""

    line = serializers.SerializerMethodField()
    receipt = serializers.SerializerMethodField()

    class Meta(ReceiptRow.Meta):
        fields = (*FIELDS, "line", "receipt")

    def get_line(self, row: Receipt) -> str:
        """As it was received."""
        return bytes(row.line).decode()

    def get_receipt(self, row: Receipt) -> dict[str, Any]:
        """To look into."""
        return strict_json.parse_object(bytes(row.line))


class CheckpointRow(Row[Checkpoint]):
    """`document`: the signed envelope, whole."""

    document = serializers.CharField(source="envelope")

    class Meta:
        model = Checkpoint
        fields = ("number", "made_at", "size", "payload_hash", "document")


class ReplayedRow(serializers.Serializer[Replayed]):
    """`behind`: allowed by policy, and refused or stopped afterwards; `unknown`: policy was not asked, or is gone."""

    outcome = serializers.ChoiceField(choices=OUTCOMES)
    says = serializers.CharField()
    decision = serializers.ChoiceField(choices=RESULTS, source="decision.result", default=None, allow_null=True)
    reason_codes = serializers.ListField(child=serializers.CharField(), source="decision.reasons", default=list)
    policy_id = serializers.CharField(source="decision.policy_id", default=None, allow_null=True)
    steps = StepRow(many=True)
