"""What the API answers to an edit of the policy."""

from typing import Any

from rest_framework import serializers

from controlplane.api.problems import note
from controlplane.api.views import Row
from controlplane.policy.declarative.outcome import Applied
from controlplane.policy.declarative.problems import Lines
from controlplane.policy.models import Proposal

SHOWN = 1000


class Note(serializers.Serializer[Any]):
    """Something that is taken as it is, and should be looked at."""

    pointer = serializers.CharField(help_text="JSON Pointer into the body", allow_blank=True)
    detail = serializers.CharField()
    right = serializers.CharField(help_text="what would be right")
    line = serializers.IntegerField(required=False, help_text="of the policy file")


class Saved(serializers.Serializer[Applied]):
    """What changed, in the words of `apply`; `/changes/{id}` says who has applied it."""

    changes = serializers.ListField(child=serializers.CharField(), help_text=f"the first {SHOWN}")
    change_count = serializers.IntegerField()
    warnings = Note(many=True)
    change_ids = serializers.ListField(child=serializers.IntegerField())
    access = serializers.ListField(child=serializers.CharField(), help_text="who can newly call what, and no longer")
    left_alone = serializers.CharField(allow_blank=True, help_text="what a policy file doesn't name")


class ProposalRow(Row[Proposal]):
    """An edit that waits for somebody else's approval; `approved` is null while it is open."""

    class Meta:
        model = Proposal
        fields = ("id", "section", "removal", "item", "summary", "reason", "proposed_by", "proposed_at", "approved",
                  "decided_by", "decided_at", "note")  # fmt: skip


class Proposed(serializers.Serializer[Proposal]):
    """Nothing has changed yet."""

    proposal = ProposalRow()


def saved(applied: Applied, lines: Lines | None = None) -> dict[str, Any]:
    """Of a dry run too, which has no `change_ids`."""
    return {
        "changes": [change.line() for change in applied.changes[:SHOWN]],
        "change_count": len(applied.changes),
        "warnings": [note(warning, lines) for warning in applied.warnings[:SHOWN]],
        "change_ids": list(applied.change_ids),
        "access": list(applied.access),
        "left_alone": applied.left_alone,
    }


def proposed(row: Proposal) -> dict[str, Any]:
    """The proposal that was opened."""
    return {"proposal": ProposalRow(row).data}
