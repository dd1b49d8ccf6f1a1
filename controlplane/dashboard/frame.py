"""What every page shows around its content: navigation, the banner of active switches, who is signed in."""

from typing import Any

from django.http import HttpRequest

from controlplane.accounts.identity import actor_of_request
from controlplane.common.actor import Right
from controlplane.dashboard.counters import counters
from controlplane.dashboard.navigation import navigation
from controlplane.incidents.models import KillSwitch

SHOWN = 5


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context processor; before somebody has signed in with a right to look there is nothing to show."""
    if not hasattr(request, "user") or not actor_of_request(request).may(Right.VIEW):
        return {}
    actor = actor_of_request(request)
    counts = counters()
    raised = KillSwitch.objects.filter(lowered_at__isnull=True).order_by("-raised_at", "-id")
    return {
        "actor": actor,
        "navigation": navigation(actor, request.path, counts),
        "raised_switches": list(raised[:SHOWN]) if counts["raised"] else [],
        "raised_count": counts["raised"],
    }
