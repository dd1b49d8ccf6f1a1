"""What is under way behind enforcers at this moment, by their own words."""

from dataclasses import dataclass

from django.db.models import QuerySet

from controlplane.fleet.heartbeats import heard
from controlplane.fleet.models import Enforcer
from controlplane.inventory.models import Server

PATIENCE_S = 0.2  # a Redis that hangs must not keep anybody from raising a switch


@dataclass(frozen=True, slots=True)
class UnderWay:
    """Sums over those enforcers that say something, `said` of `enforcers`."""

    calls: int
    sessions: int
    said: int
    enforcers: int


def under_way(servers: QuerySet[Server], *, enforcer_id: str = "") -> UnderWay | None:
    """On these servers, behind one enforcer or behind all; None where nobody can be asked."""
    places = Enforcer.servers.through.objects.filter(server__in=servers, enforcer__decommissioned_at__isnull=True)
    if enforcer_id:
        places = places.filter(enforcer_id=enforcer_id)
    enforcers: dict[str, Enforcer] = {}
    server_ids: set[str] = set()
    for place in places.select_related("enforcer").order_by("enforcer_id"):
        enforcers[place.enforcer_id] = place.enforcer
        server_ids.add(place.server_id)
    beats = heard([*enforcers.values()], timeout_s=PATIENCE_S)
    if beats is None:
        return None
    states = [state for beat in beats.values() for id_, state in beat.servers.items() if id_ in server_ids]
    calls, sessions = sum(state.calls_in_flight for state in states), sum(state.sessions for state in states)
    return UnderWay(calls, sessions, len(beats), len(enforcers))
