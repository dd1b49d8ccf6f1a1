"""What waits, in numbers for the navigation: one small query each."""

from controlplane.incidents.models import KillSwitch
from controlplane.inventory.review import waiting_tools
from controlplane.policy.models import Proposal


def counters() -> dict[str, int]:
    """By the names that the navigation knows."""
    return {
        "raised": KillSwitch.objects.filter(lowered_at__isnull=True).count(),
        "waiting_tools": waiting_tools().count(),
        "open_proposals": Proposal.objects.filter(decided_at__isnull=True).count(),
    }
