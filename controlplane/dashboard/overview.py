"""The numbers and lists of the overview, each bounded."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Model
from django.urls import reverse

from controlplane.common.actor import Actor, Right
from controlplane.dashboard.counters import counters
from controlplane.fleet.models import ACTIVE, Enforcer
from controlplane.incidents.lowering import waiting_to_be_ended, waiting_to_be_lowered
from controlplane.incidents.models import KillSwitch
from controlplane.inventory.models import Server, Tool
from controlplane.inventory.review import waiting_tools
from controlplane.notices.models import Notice
from controlplane.policy.models import Change, Proposal
from controlplane.receipts.models import Receipt
from controlplane.receipts.reading import actions_of

ROWS = 8


@dataclass(frozen=True, slots=True)
class Overview:
    """Rows as they are; the template shows them. `counts` are those of the navigation."""

    servers: int
    tools: int
    enforcers: int
    counts: dict[str, int]
    fleet: list[Enforcer]
    notices: list[Notice]
    to_lower: list[KillSwitch]
    to_end: list[Any]
    waiting_tools: list[Tool]
    proposals: list[Proposal]
    changes: list[Change]
    receipts: list[Any]

    @property
    def waiting(self) -> int:
        """How many things wait for a person."""
        return (
            len(self.notices)
            + len(self.to_lower)
            + len(self.to_end)
            + self.counts["waiting_tools"]
            + self.counts["open_proposals"]
        )


def overview_of(actor: Actor) -> Overview:
    """What this actor may see of it."""
    reads = actor.may(Right.READ_RECEIPTS)
    fleet = Enforcer.objects.filter(ACTIVE).order_by("id")
    live_tools = Tool.objects.filter(server__retired=False)
    return Overview(
        servers=Server.objects.filter(retired=False).count(),
        tools=live_tools.count(),
        enforcers=fleet.count(),
        counts=counters(),
        fleet=list(fleet[:ROWS]),
        notices=list(Notice.objects.filter(closed_at__isnull=True).order_by("-opened_at")[:ROWS]),
        to_lower=list(waiting_to_be_lowered()[:ROWS]),
        to_end=[(row, _page_of(row)) for row in waiting_to_be_ended(ROWS)[:ROWS]],
        waiting_tools=list(waiting_tools()[:ROWS]),
        proposals=list(Proposal.objects.filter(decided_at__isnull=True).order_by("-id")[:ROWS]),
        changes=list(Change.objects.order_by("-id")[:ROWS]),
        receipts=_receipts() if reads else [],
    )


def _receipts() -> list[Receipt]:
    rows = list(Receipt.objects.order_by("-event_time").defer("line")[:ROWS])
    actions = actions_of(rows)
    for row in rows:
        row.action = actions.get(row.pk, "")  # type: ignore[attr-defined]
    return rows


def _page_of(row: Model) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
