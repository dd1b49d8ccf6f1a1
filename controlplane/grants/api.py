"""Grants over the API."""

from controlplane.api.filters import Equal, Filters, OneOf
from controlplane.api.items import ItemDetail, ItemList
from controlplane.grants.api_shapes import GrantItem
from controlplane.grants.models import Effect, Grant
from controlplane.inventory.api_shapes import LEVELS, RISKS


class GrantFilter(Filters):
    """Which grants."""

    principal = Equal("principal__subject", "its subject", longest=255)
    issuer = Equal("principal__issuer", "its issuer")
    group = Equal("group__name", longest=255)
    server = Equal("server_id", longest=63)
    effect = OneOf("effect", Effect.values)
    trust = OneOf("trust", LEVELS)
    risk = OneOf("risk", RISKS)
    max_risk = OneOf("max_risk", RISKS)
    ticket = Equal("ticket", longest=200)


class Grants(ItemList[Grant]):
    """Grants"""

    section = "grants"
    names = ("id",)
    queryset = Grant.objects.all()
    serializer_class = GrantItem
    filterset_class = GrantFilter
    orderings = {"id": ("key",)}


class GrantDetail(ItemDetail[Grant]):
    """One grant"""

    section = "grants"
    names = ("id",)
    queryset = Grant.objects.all()
    serializer_class = GrantItem
    lookup_field = "key"
    lookup_url_kwarg = "id"
