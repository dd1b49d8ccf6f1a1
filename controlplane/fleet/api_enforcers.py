"""Enforcers over the API, for the security team. What enforcers themselves call stands in `api.py`."""

from dataclasses import dataclass
from typing import Any

import redis
from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.filters import Absent, Equal, Filters
from controlplane.api.idempotency import idempotent
from controlplane.api.views import DetailView, ListView
from controlplane.common.actor import Right
from controlplane.common.redis import connect
from controlplane.fleet.api_shapes import EnforcerDetailRow, EnforcerRow
from controlplane.fleet.heartbeats import fetch
from controlplane.fleet.models import Enforcer
from controlplane.fleet.services import decommission
from enforcer.contract.fleet import Heartbeat


class EnforcerFilter(Filters):
    """Which enforcers."""

    server = Equal("servers__id", "in front of it", longest=63)
    active = Absent("decommissioned_at", "whether it is not decommissioned")


class Enforcers(ListView[Enforcer]):
    """Enforcers"""

    queryset = Enforcer.objects.prefetch_related("servers")
    serializer_class = EnforcerRow
    filterset_class = EnforcerFilter
    orderings = {"id": ("id",)}


class EnforcerDetail(DetailView[Enforcer]):
    """One enforcer, and what it reports now in its own signed words"""

    queryset = Enforcer.objects.prefetch_related("servers")
    serializer_class = EnforcerDetailRow
    lookup_field = "id"

    def get_object(self) -> Any:
        """The row with its report."""
        row: Any = super().get_object()
        heard = _heard(row)
        row.known = heard.known
        row.report = _report(heard.beat) if heard.beat else None
        return row


class DecommissionEnforcer(DetailView[Enforcer]):
    """Its Redis users go; its receipts are still taken."""

    rights = {"POST": Right.MANAGE_FLEET}
    fresh = ("POST",)
    queryset = Enforcer.objects.prefetch_related("servers")
    serializer_class = EnforcerRow
    lookup_field = "id"

    @extend_schema(request=None, responses={200: EnforcerRow})
    @idempotent
    def post(self, request: Request, id: str) -> Response:  # noqa: A002, ARG002 - the URL's name
        """Decommission an enforcer"""
        if self.get_object().decommissioned_at is None:
            decommission(enforcer_id=id, actor=self.actor)
        return Response(EnforcerRow(self.get_object()).data)


@dataclass(frozen=True, slots=True)
class _Heard:
    known: bool
    beat: Heartbeat | None = None


def _heard(enforcer: Enforcer) -> _Heard:
    if not settings.REDIS_URL:
        return _Heard(known=False)
    client = connect(settings.REDIS_URL)
    try:
        return _Heard(known=True, beat=fetch(client, [enforcer]).get(enforcer.id))
    except redis.RedisError:
        return _Heard(known=False)
    finally:
        client.close()


def _report(beat: Heartbeat) -> dict[str, Any]:
    return {
        "issued_at": beat.issued_at,
        "counter": beat.counter,
        "journal_depth": beat.journal_depth,
        "schemas": beat.schemas,
        "warnings": beat.warnings,
        "servers": [
            {"server_id": id_, **{name: getattr(state, name) for name in state.__struct_fields__}}
            for id_, state in sorted(beat.servers.items())
        ],
    }
