"""Which grants speak of a server."""

from django.db.models import Q, QuerySet

from controlplane.grants.models import Grant
from controlplane.inventory.models import Server


def grants_on(server: Server) -> QuerySet[Grant]:
    """All grants that speak of this server, in the order of their keys."""
    if server.retired:
        return Grant.objects.none()
    selected = Q(server__isnull=True) & (Q(trust="") | Q(trust=server.trust_level_id))
    return Grant.objects.filter(Q(server=server) | selected).order_by("key")
