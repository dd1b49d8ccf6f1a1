"""Who can call what, and why, of the rows as they are now: for the pages, by the functions that gates decide with."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec
from django.db.models import Q, prefetch_related_objects
from django.utils import timezone

from controlplane.common.errors import InvalidState
from controlplane.grants.models import Grant
from controlplane.grants.reach import grants_on, grants_reaching
from controlplane.incidents.compile import everything_stopped, stopped_on
from controlplane.inventory.models import Server, Tool
from controlplane.policy.compile import callers_of, outline_of
from controlplane.principals.models import Principal
from enforcer.contract.reasons import explanation
from enforcer.policy import effective
from enforcer.policy.effective import Access

SERVERS = 10
TOOLS = 2_000  # of a server
GRANTS = 5_000  # of a server
SHOWN = 100


@dataclass(frozen=True, slots=True)
class Through:
    """A grant, and the group by which somebody has it; empty for their own."""

    grant: Grant
    group: str


@dataclass(frozen=True, slots=True)
class Row:
    """One principal and one tool; `why`: the refusal in a sentence, `through`: what lets it pass or refuses it."""

    access: Access
    tool: Tool
    principal: Principal | None
    why: str
    through: tuple[Through, ...]

    @property
    def word(self) -> str:
        """For a badge."""
        return {"callable": "may call", "approval": "needs approval", "refused": "refused"}[self.access.verdict]

    @property
    def tone(self) -> str:
        """Of the badge."""
        return {"callable": "good", "approval": "person", "refused": "bad"}[self.access.verdict]

    @property
    def conditions(self) -> str:
        """What else must hold."""
        said = (
            "only with arguments that the constraint allows" if self.access.constrained else "",
            "not with arguments that a deny names" if self.access.denies else "",
            "as often as the rate allows" if self.access.limited else "",
        )
        return ", ".join(each for each in said if each)


@dataclass(frozen=True, slots=True)
class Reach:
    """`whole` is false where there was more than could be looked through; `more` rows are not shown.

    `problem`: rows that no gate would load; whom it concerns nobody can say.
    """

    rows: tuple[Row, ...]
    more: int
    whole: bool
    problem: str = ""


def reach_of_principal(principal: Principal) -> Reach:
    """Every tool that a grant of theirs speaks of, on the first servers."""
    now = timezone.now()
    prefetch_related_objects([principal], "groups")
    grants = list(grants_reaching(principal).select_related("group", "principal")[: GRANTS + 1])
    servers = _servers(grants)
    tools = _tools(servers[:SERVERS])
    whole = len(grants) <= GRANTS and len(servers) <= SERVERS and all(len(some) <= TOOLS for some in tools.values())
    state = everything_stopped(now)
    rows: list[Row] = []
    problem = ""
    for server in servers[:SERVERS]:
        theirs = [grant for grant in grants if _speaks_of(grant, server)]
        here = tools.get(server.id, [])[:TOOLS]
        try:
            index = outline_of(server, [(principal, theirs)], here, now=now)
        except InvalidState as refused:
            problem = refused.message
            continue
        ours = msgspec.structs.replace(state, server_id=server.id)
        by_name, named = {tool.name: tool for tool in here}, {grant.key: grant for grant in theirs}
        found = effective.forward(index, ours, principal.subject, principal.issuer, now.timestamp())
        rows += [_row(access, by_name[access.tool], principal, named) for access in found]
    return Reach(tuple(rows[:SHOWN]), max(len(rows) - SHOWN, 0), whole, problem)


def reach_of_tool(tool: Tool) -> Reach:
    """Everybody of whose grants one speaks of it."""
    now, server = timezone.now(), tool.server
    keys = list(grants_on(server).values_list("pk", flat=True)[: GRANTS + 1])
    callers = callers_of(Grant.objects.filter(pk__in=keys[:GRANTS]).select_related("group", "principal"))
    try:
        index = outline_of(server, callers, [tool], now=now)
    except InvalidState as refused:
        return Reach((), 0, False, refused.message)
    state = stopped_on(server.id, now)
    found = list(effective.backward(index, state, tool.name, now.timestamp()))
    people = {(person.subject, person.issuer): person for person, _ in callers}
    named = {grant.key: grant for _, grants in callers for grant in grants}
    rows = [_row(access, tool, people.get((access.subject, access.issuer)), named) for access in found[:SHOWN]]
    return Reach(tuple(rows), max(len(found) - SHOWN, 0), len(keys) <= GRANTS)


def _servers(grants: Iterable[Grant]) -> list[Server]:
    """Those that the grants name, and all of the levels that they select."""
    wanted = Q(pk__in={grant.server_id for grant in grants if grant.server_id})
    for grant in grants:
        if not grant.server_id:
            wanted |= Q(trust_level=grant.trust) if grant.trust else ~Q(pk="")
    rows = Server.objects.filter(wanted, retired=False).select_related("trust_level").order_by("id")
    return list(rows[: SERVERS + 1])


def _tools(servers: Iterable[Server]) -> dict[str, list[Tool]]:
    found: dict[str, list[Tool]] = {}
    rows = Tool.objects.filter(server__in=[server.id for server in servers]).order_by("server", "name")
    for tool in rows[: SERVERS * TOOLS]:
        found.setdefault(tool.server_id, []).append(tool)
    return found


def _speaks_of(grant: Grant, server: Server) -> bool:
    return grant.server_id == server.id or (not grant.server_id and grant.trust in ("", server.trust_level_id))


def grants_through(access: Access, grants: Mapping[str, Grant]) -> tuple[Through, ...]:
    """Those that let it pass or refuse it, the deciding one first."""
    deciding = (access.decided_by,) if access.decided_by else ()
    keys = (*deciding, *access.denies, *access.allows)
    found = [grants[key] for key in keys if key in grants]
    return tuple(Through(grant, grant.group.name if grant.group else "") for grant in found)


def _row(access: Access, tool: Tool, principal: Principal | None, grants: Mapping[str, Grant]) -> Row:
    why = explanation((access.reason,))[0] if access.reason else ""
    return Row(access, tool, principal, why, grants_through(access, grants))
