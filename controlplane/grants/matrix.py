"""The matrix of one server: a page of its principals beside a page of its tools, each cell by the gates' functions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from controlplane.common.errors import InvalidState
from controlplane.grants.effective import GRANTS, Through, grants_through
from controlplane.grants.models import Grant
from controlplane.grants.reach import grants_on
from controlplane.incidents.compile import stopped_on
from controlplane.inventory.compile import tools_of
from controlplane.inventory.models import Server, Tool
from controlplane.policy.compile import outline_of
from controlplane.principals.models import Principal
from enforcer.contract.incident import Incident
from enforcer.contract.reasons import EXPLANATIONS, ReasonCode
from enforcer.policy.effective import Access, access_to
from enforcer.policy.index import Index

ROWS, COLUMNS = 25, 12
_R = ReasonCode
REFUSED: dict[ReasonCode, tuple[str, str]] = {  # how a cell says it, and its tone
    _R.DENY_NO_MATCHING_RULE: ("—", "none"),
    _R.DENY_NO_PERMISSION: ("denied", "bad"),
    _R.DENY_KILL_SWITCH: ("killed", "bad"),
    _R.DENY_INVALID_TOKEN: ("revoked", "bad"),
    _R.DENY_TOOL_UNREVIEWED: ("not reviewed", "person"),
    _R.DENY_TOOL_CHANGED: ("changed", "person"),
}
PASSES = {"callable": ("allow", "good"), "approval": ("approval", "person")}


@dataclass(frozen=True, slots=True)
class Cell:
    """One principal and one tool. `grants`: those that let it pass or refuse it, the deciding one first."""

    access: Access
    tool: Tool
    quarantined: bool
    grants: tuple[Through, ...]

    @property
    def word(self) -> str:
        """For a badge."""
        return self._shown[0]

    @property
    def tone(self) -> str:
        """Of the badge; `none` is no badge."""
        return self._shown[1]

    @property
    def why(self) -> str:
        """A refusal in a sentence."""
        return EXPLANATIONS[self.access.reason].message if self.access.reason else ""

    @property
    def _shown(self) -> tuple[str, str]:
        if self.access.reason is None:
            return PASSES[self.access.verdict]
        if self.quarantined:
            return "quarantine", "bad"
        return REFUSED.get(self.access.reason, ("refused", "bad"))


@dataclass(frozen=True, slots=True)
class Line:
    """A principal, and a cell for each tool of the page."""

    principal: Principal
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """`whole` is false where there are more grants than were looked through; `problem`: rows that no gate would load.

    `next_principal` and `next_tool` begin the next page, none where this is the last.
    """

    server: Server
    tools: tuple[Tool, ...]
    lines: tuple[Line, ...]
    next_principal: int | None
    next_tool: str | None
    whole: bool
    problem: str = ""


def matrix_of(
    server: Server, *, who: str = "", what: str = "", after_principal: int | None = None, after_tool: str = ""
) -> Matrix:
    """Principals with a grant on this server whose subject holds `who`, and tools whose name holds `what`.

    The pages begin behind `after_principal`, a key, and `after_tool`, a name.
    """
    now = timezone.now()
    tools = list(tools_of(server).filter(name__contains=what, name__gt=after_tool)[: COLUMNS + 1])
    people = list(_after(with_a_grant(server).filter(subject__contains=who), after_principal)[: ROWS + 1])
    shown, beside = people[:ROWS], tools[:COLUMNS]
    grants = list(_of(server, shown).select_related("group", "principal")[: GRANTS + 1])
    lines, problem = _lines(server, shown, beside, grants[:GRANTS], now)
    return Matrix(
        server=server,
        tools=tuple(beside),
        lines=lines,
        next_principal=shown[-1].pk if len(people) > ROWS else None,
        next_tool=beside[-1].name if len(tools) > COLUMNS else None,
        whole=len(grants) <= GRANTS,
        problem=problem,
    )


def cell_of(server: Server, principal: Principal, tool: Tool) -> Cell | None:
    """One of them by itself; none where no gate would load the rows."""
    grants = list(_of(server, [principal]).select_related("group", "principal")[:GRANTS])
    lines, _ = _lines(server, [principal], [tool], grants, timezone.now())
    return lines[0].cells[0] if lines else None


def with_a_grant(server: Server) -> QuerySet[Principal]:
    """Principals of whose grants, their own or a group's, one speaks of this server."""
    own = grants_on(server).filter(principal=OuterRef("pk"))
    member = Principal.groups.through.objects.filter(
        principal=OuterRef("pk"), group__in=grants_on(server).order_by().filter(group__isnull=False).values("group")
    )
    found = Principal.objects.filter(Exists(own) | Exists(member))
    return found.order_by("subject", "issuer").prefetch_related("groups")


def _after(people: QuerySet[Principal], key: int | None) -> QuerySet[Principal]:
    last = Principal.objects.filter(pk=key).first() if key is not None else None
    if last is None:
        return people
    return people.filter(Q(subject__gt=last.subject) | Q(subject=last.subject, issuer__gt=last.issuer))


def _of(server: Server, people: Iterable[Principal]) -> QuerySet[Grant]:
    rows = list(people)
    groups = {group.pk for row in rows for group in row.groups.all()}
    return grants_on(server).filter(Q(principal__in=rows) | Q(group__in=groups))


def _lines(
    server: Server, people: list[Principal], tools: list[Tool], grants: list[Grant], now: datetime
) -> tuple[tuple[Line, ...], str]:
    theirs = [(person, [grant for grant in grants if _holds(person, grant)]) for person in people]
    try:
        index = outline_of(server, theirs, tools, now=now)
    except InvalidState as refused:
        return (), refused.message
    state = stopped_on(server.id, now)
    named = {grant.key: grant for grant in grants}
    lines = [Line(person, tuple(_cell(index, state, person, tool, named, now) for tool in tools)) for person in people]
    return tuple(lines), ""


def _holds(person: Principal, grant: Grant) -> bool:
    return grant.principal_id == person.pk or any(grant.group_id == group.pk for group in person.groups.all())


def _cell(
    index: Index, state: Incident, person: Principal, tool: Tool, named: Mapping[str, Grant], now: datetime
) -> Cell:
    access = access_to(index, state, person.subject, person.issuer, tool.name, now.timestamp())
    apart = access.reason is ReasonCode.DENY_NO_PERMISSION and access.decided_by is None
    return Cell(access, tool, apart, grants_through(access, named))
