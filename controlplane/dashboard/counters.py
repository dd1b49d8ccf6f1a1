"""What waits, in numbers for the navigation: one small query each."""

from controlplane.incidents.models import KillSwitch
from controlplane.inventory.models import Tool, ToolState
from controlplane.policy.models import Proposal


def counters() -> dict[str, int]:
    """By the names that the navigation knows."""
    return {
        "raised": KillSwitch.objects.filter(lowered_at__isnull=True).count(),
        "waiting_tools": Tool.objects.exclude(state=ToolState.REVIEWED).filter(server__retired=False).count(),
        "open_proposals": Proposal.objects.filter(decided_at__isnull=True).count(),
    }
