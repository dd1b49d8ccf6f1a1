"""What waits, in numbers for the navigation: one small question for all of them."""

from typing import Any

from django.db.models import Count, QuerySet, Value

from controlplane.incidents.models import KillSwitch
from controlplane.inventory.review import waiting_tools
from controlplane.notices.models import Notice
from controlplane.policy.models import Proposal


def counters() -> dict[str, int]:
    """By the names that the navigation knows."""
    rows: dict[str, QuerySet[Any]] = {
        "raised": KillSwitch.objects.filter(lowered_at__isnull=True),
        "open_notices": Notice.objects.filter(closed_at__isnull=True),
        "open_proposals": Proposal.objects.filter(decided_at__isnull=True),
        "waiting_tools": waiting_tools(),
    }
    first, *others = (_counted(name, found) for name, found in rows.items())
    return dict.fromkeys(rows, 0) | dict(first.union(*others, all=True))


def _counted(name: str, rows: QuerySet[Any]) -> QuerySet[Any]:
    named = rows.order_by().values(counter=Value(name)).annotate(waiting=Count("pk"))
    counted: QuerySet[Any] = named.values_list("counter", "waiting")
    return counted
