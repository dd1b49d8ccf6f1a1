"""Which servers a grant speaks of."""

from collections.abc import Iterable

from django.db.models import Q, QuerySet

from controlplane.grants.models import Grant
from controlplane.inventory.models import Server


def servers_reached(grants: Iterable[Grant]) -> set[str]:
    """Ids of all servers whose snapshot holds one of these grants."""
    reached: set[str] = set()
    everywhere = False
    levels: set[str] = set()
    for grant in grants:
        if grant.server_id:
            reached.add(grant.server_id)
        elif grant.trust:
            levels.add(grant.trust)
        else:
            everywhere = True
    if not everywhere and not levels:
        return reached
    selected = Q() if everywhere else Q(trust_level_id__in=levels)
    return reached | set(Server.objects.filter(selected).values_list("id", flat=True))


def grants_on(server: Server) -> QuerySet[Grant]:
    """All grants that speak of this server, in the order of their keys."""
    if server.retired:
        return Grant.objects.none()
    selected = Q(server__isnull=True) & (Q(trust="") | Q(trust=server.trust_level_id))
    return Grant.objects.filter(Q(server=server) | selected).order_by("key")
