"""Which grants speak of a server, and which reach a principal."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from controlplane.grants.models import Grant
from controlplane.grants.sentence import sentence
from controlplane.inventory.models import Server, Tool
from controlplane.principals.models import Principal
from enforcer.policy.globs import matches

LOOKED_THROUGH = 2000


def speaking_of(server: Server) -> Q:
    """Grants that speak of this server, selectors too."""
    if server.retired:
        return Q(pk__in=())
    selected = Q(server__isnull=True) & (Q(trust="") | Q(trust=server.trust_level_id))
    return Q(server=server) | selected


def reaching(principal: Principal) -> Q:
    """Grants of this principal, its own and those of its groups."""
    groups = list(principal.groups.values_list("pk", flat=True))  # a list: with a subquery the OR would use no index
    return Q(principal=principal) | Q(group__in=groups)


def grants_on(server: Server) -> QuerySet[Grant]:
    """All grants that speak of this server, in the order of their keys."""
    return Grant.objects.filter(speaking_of(server)).order_by("key")


def grants_reaching(principal: Principal) -> QuerySet[Grant]:
    """All grants that reach this principal, in the order of their keys."""
    return Grant.objects.filter(reaching(principal)).order_by("key")


def count_reaching(principals: Iterable[Principal]) -> dict[int, int]:
    """How many reach each of these principals, whose groups are prefetched."""
    rows = list(principals)
    groups = {group.pk for row in rows for group in row.groups.all()}
    own = Grant.objects.filter(principal__in=rows).order_by().values_list("principal").annotate(n=Count("pk"))
    shared = Grant.objects.filter(group__in=groups).order_by().values_list("group").annotate(n=Count("pk"))
    direct, grouped = dict(own), dict(shared)
    return {row.pk: direct.get(row.pk, 0) + sum(grouped.get(g.pk, 0) for g in row.groups.all()) for row in rows}


@dataclass(frozen=True, slots=True)
class OnTool:
    """Grants that speak of a tool; `whole` is false where the server has more grants than were looked through."""

    rows: tuple[Grant, ...]
    more: int
    whole: bool


def grants_on_tool(tool: Tool, shown: int = 20) -> OnTool:
    """The first few, each with what it `says`."""
    rows = list(grants_on(tool.server).select_related("principal", "group")[: LOOKED_THROUGH + 1])
    found = [grant for grant in rows[:LOOKED_THROUGH] if _speaks_of(grant, tool)]
    for grant in found[:shown]:
        grant.says = sentence(grant)  # type: ignore[attr-defined]
    return OnTool(tuple(found[:shown]), max(len(found) - shown, 0), len(rows) <= LOOKED_THROUGH)


def _speaks_of(grant: Grant, tool: Tool) -> bool:
    if grant.server_id:
        return any(matches(pattern, tool.name) for pattern in grant.tools)
    return grant.risk in ("", tool.risk)
