"""The queue of reviews: what waits, by server, in few queries however much there is."""

from dataclasses import dataclass, field
from itertools import groupby

from django.db.models import Count, Q

from controlplane.inventory.definition import approved_definition, fetch_definitions, proposed, seen_definition
from controlplane.inventory.definition_diff import changes
from controlplane.inventory.models import Definition, Tool, ToolState
from controlplane.inventory.review import waiting_tools

SHOWN = 200  # tools on the page
CHANGED_PLACES = 3


@dataclass(frozen=True, slots=True)
class Waiting:
    """One tool. `why`: what is new about it; `by`: the enforcer that saw it."""

    tool: Tool
    why: str
    wider: bool
    by: str
    proposed: str
    below: bool


@dataclass(frozen=True, slots=True)
class Group:
    """One server's. `first`: nothing of it was approved yet."""

    server_id: str
    total: int
    first: bool
    rows: tuple[Waiting, ...]


@dataclass(frozen=True, slots=True)
class Queue:
    """`more` tools wait beside those shown. `vanished` were approved and are no longer listed."""

    groups: tuple[Group, ...]
    total: int
    vanished: list[Tool] = field(default_factory=list)

    @property
    def more(self) -> int:
        """How many are left out."""
        return self.total - sum(len(group.rows) for group in self.groups)


def queue_of(server_id: str = "") -> Queue:
    """Of one server, or of all."""
    rows = waiting_tools(server_id)
    tools = list(rows[:SHOWN])
    fetch_definitions(tools)
    ids = {tool.server_id for tool in tools}
    approved = Q(state=ToolState.REVIEWED) | Q(state=ToolState.CHANGED)
    counts = Tool.objects.filter(server__in=ids).order_by().values_list("server_id")
    known: dict[str, int] = dict(counts.annotate(n=Count("pk", filter=approved)))
    totals: dict[str, int] = dict(
        waiting_tools().filter(server__in=ids).order_by().values_list("server_id").annotate(n=Count("pk"))
    )
    seen = {(t.pk, t.seen) for t in tools}
    found = Definition.objects.filter(tool__in=tools).values_list("tool", "hash", "enforcer_id")
    reporters = {pk: by for pk, hash_, by in found if (pk, hash_) in seen}
    groups = [
        Group(id_, totals.get(id_, 0), not known.get(id_), tuple(_waiting(t, reporters.get(t.pk, "")) for t in some))
        for id_, some in groupby(tools, lambda tool: tool.server_id)
    ]
    vanished = Tool.objects.filter(state=ToolState.REVIEWED, vanished_at__isnull=False, server__retired=False)
    if server_id:
        vanished = vanished.filter(server_id=server_id)
    total = len(tools) if len(tools) < SHOWN else rows.count()
    return Queue(tuple(groups), total, list(vanished.order_by("-vanished_at")[:20]))


def _waiting(tool: Tool, by: str) -> Waiting:
    found = proposed(tool)
    why, wider = what_changed(tool)
    return Waiting(tool, why, wider, by, found.risk, found.above)


def what_changed(tool: Tool) -> tuple[str, bool]:
    """In a few words, and whether it may have got wider."""
    if tool.twice:
        return "listed more than once", True
    if tool.state == ToolState.UNREVIEWED:
        return "new" if tool.seen else "not seen live", False
    if tool.seen and tool.seen == tool.pin:
        return "as it was approved, again", False
    old, new = approved_definition(tool), seen_definition(tool)
    if new is None:
        return "not seen live" if not tool.seen else "too long to be kept", True
    made = changes(old or {"name": tool.name, "inputSchema": tool.input_schema}, new)
    places = [f"{line.place} (wider)" if line.reach == "wider" else line.place for line in made.lines[:CHANGED_PLACES]]
    more = made.total - len(places)
    return ", ".join([*places, *([f"{more} more"] if more else [])]), any(x.reach == "wider" for x in made.lines)
