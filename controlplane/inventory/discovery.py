"""What enforcers saw of the tools of live servers, taken in: definitions kept, pins set, changed tools held.

A receipt of a definition is noted as it is stored and taken in afterwards, so that nothing wrong with one can ever
stop receipts. The enforcer that reports a change holds the tool already; this holds it for the whole fleet.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby

from controlplane.common.actor import Actor
from controlplane.common.edits import editing
from controlplane.common.services import acting
from controlplane.fleet.models import Enforcer
from controlplane.inventory.models import NEVER_APPROVED, Server, Tool
from controlplane.inventory.models import Sighting as Waiting
from controlplane.inventory.sightings import take
from controlplane.policy.services import policy_changed
from controlplane.receipts.models import Receipt
from controlplane.receipts.patience import patience
from controlplane.receipts.services import record_admin_receipt
from enforcer.contract.levels import Risk
from enforcer.contract.receipt import ReceiptError, open_line
from enforcer.contract.sighting import Sighting, SightingError, read_sighting
from enforcer.contract.strict_json import JsonObject, JsonValue
from enforcer.contract.times import from_text

log = logging.getLogger(__name__)
AT_ONCE = 200
MOST_TOOLS = 5_000  # of a server
REASON = "what the server lists"


@dataclass(frozen=True, slots=True)
class _Report:
    row: Waiting
    enforcer_id: str
    at: datetime
    sighting: Sighting


def take_in() -> int:
    """Everything that waits, oldest first; returns how much. Raises `OperationalError` where others hold the rows."""
    taken = 0
    while number := _take_some():
        taken += number
    return taken


def _take_some() -> int:
    if not Waiting.objects.filter(problem="").exists():
        return 0
    with patience(), editing():
        waiting = list(Waiting.objects.filter(problem="").order_by("id")[:AT_ONCE])
        reports = _reports(waiting)
        for (enforcer_id, server_id), some in groupby(reports, lambda r: (r.enforcer_id, r.sighting.server_id)):
            _take_in(enforcer_id, server_id, list(some))
        Waiting.objects.filter(pk__in=[row.pk for row in waiting], problem="").delete()
        return len(waiting)


def _reports(waiting: Sequence[Waiting]) -> list[_Report]:
    """Those that say something of a server of their own enforcer; what is wrong with others is kept beside them."""
    lines = dict(
        Receipt.objects.filter(receipt_id__in=[w.receipt_id for w in waiting]).values_list("receipt_id", "line")
    )
    behind = Enforcer.servers.through._default_manager.filter(
        server__retired=False, enforcer__decommissioned_at__isnull=True
    )
    pairs = set(behind.values_list("enforcer_id", "server_id"))
    made: list[_Report] = []
    for row in waiting:
        try:
            link, receipt = open_line(bytes(lines.get(row.receipt_id, b"")))
            sighting = read_sighting(receipt)
            at = datetime.fromtimestamp(from_text(str(receipt.get("event_time"))), UTC)
        except (ReceiptError, SightingError, ValueError) as problem:
            _refuse(row, str(problem))
            continue
        if (link.enforcer_id, sighting.server_id) not in pairs:
            _refuse(row, f"{link.enforcer_id} is not enrolled for server {sighting.server_id!r}")
            continue
        made.append(_Report(row, link.enforcer_id, at, sighting))
    return made


def _refuse(row: Waiting, problem: str) -> None:
    log.warning("the definition in receipt %r was not taken in: %r", row.receipt_id, problem)
    row.problem = problem[:255]
    row.save(update_fields=["problem"])


def _take_in(enforcer_id: str, server_id: str, reports: Sequence[_Report]) -> None:
    """Of one enforcer and server, in their order: one receipt, one change of the policy."""
    actor = Actor(f"enforcer:{enforcer_id}")
    server = Server.objects.get(id=server_id)
    told: dict[str, list[JsonValue]] = {}
    with acting(actor, REASON):
        for report in reports:
            tool = _tool(server, report)
            outcome = take(tool, report.sighting, at=report.at, enforcer_id=enforcer_id) if tool else None
            if outcome:
                told.setdefault(outcome, []).append(report.sighting.tool_name)
    if told:
        detail: JsonObject = {"server": server_id, **told}
        record_admin_receipt(actor=actor.name, action="tool.discovery", detail=detail)
        policy_changed(server_ids={server_id}, actor=actor, reason=REASON)


def _tool(server: Server, report: _Report) -> Tool | None:
    """The row, a new one where there is none; nothing for what is gone anyway, and for what is too much."""
    name, here = report.sighting.tool_name, Tool.objects.filter(server=server)
    known = here.filter(name=name).first()
    if known is not None or report.sighting.what == "gone":
        return known
    if here.count() >= MOST_TOOLS and not here.filter(NEVER_APPROVED, vanished_at__isnull=False).delete()[0]:
        _refuse(report.row, f"server {server.id!r} has {MOST_TOOLS} tools already")
        return None
    return Tool(server=server, name=name, risk=Risk.MEDIUM, input_schema={})
