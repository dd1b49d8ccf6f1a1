"""Trust levels, servers and tools over the API."""

from controlplane.api.filters import Equal, Filters, OneOf
from controlplane.api.items import EDITS, WRITE_QUERY, ItemDetail, ItemList
from controlplane.api.views import ListView
from controlplane.common.actor import Right
from controlplane.inventory import api_shapes as shapes
from controlplane.inventory.models import CredentialMode, RiskPattern, Server, Tool, TrustLevel
from controlplane.inventory.models import ToolState as State


class TrustLevels(ItemList[TrustLevel]):
    """The four trust levels"""

    section = "trust_levels"
    names = ("name",)
    rights = {"GET": Right.VIEW}
    queryset = TrustLevel.objects.all()
    serializer_class = shapes.TrustLevelItem
    orderings = {"name": ("name",)}


class TrustLevelDetail(ItemDetail[TrustLevel]):
    """One trust level"""

    section = "trust_levels"
    names = ("name",)
    rights = {"GET": Right.VIEW, "PUT": EDITS}
    query = {"PUT": WRITE_QUERY}
    queryset = TrustLevel.objects.all()
    serializer_class = shapes.TrustLevelItem
    lookup_field = "name"


class ServerFilter(Filters):
    """Which servers."""

    trust_level = OneOf("trust_level_id", shapes.LEVELS)
    credential_mode = OneOf("credential_mode", CredentialMode.values)


class Servers(ItemList[Server]):
    """Servers"""

    section = "servers"
    names = ("id",)
    queryset = Server.objects.filter(retired=False)
    serializer_class = shapes.ServerItem
    filterset_class = ServerFilter
    orderings = {"id": ("id",)}


class ServerDetail(ItemDetail[Server]):
    """One server"""

    section = "servers"
    names = ("id",)
    queryset = Server.objects.filter(retired=False)
    serializer_class = shapes.ServerItem
    lookup_field = "id"


class ToolFilter(Filters):
    """Which tools."""

    server = Equal("server_id", longest=63)
    name = Equal("name")
    risk = OneOf("risk", shapes.RISKS)


class Tools(ItemList[Tool]):
    """Declared tools"""

    section = "tools"
    names = ("server", "name")
    queryset = Tool.objects.filter(declared=True, server__retired=False)
    serializer_class = shapes.ToolItem
    filterset_class = ToolFilter
    orderings = {"server": ("server_id", "name")}


class ToolDetail(ItemDetail[Tool]):
    """One declared tool"""

    section = "tools"
    names = ("server", "name")
    queryset = Tool.objects.filter(declared=True, server__retired=False)
    serializer_class = shapes.ToolItem
    lookup_fields = {"server": "server_id", "name": "name"}


class RiskPatterns(ItemList[RiskPattern]):
    """Risk patterns beside the default ones"""

    section = "risk_patterns"
    names = ("where", "pattern")
    queryset = RiskPattern.objects.all()
    serializer_class = shapes.RiskPatternItem
    orderings = {"where": ("where", "pattern")}


class RiskPatternDetail(ItemDetail[RiskPattern]):
    """One risk pattern"""

    section = "risk_patterns"
    names = ("where", "pattern")
    queryset = RiskPattern.objects.all()
    serializer_class = shapes.RiskPatternItem
    lookup_fields = {"where": "where", "pattern": "pattern"}


class ToolStateFilter(ToolFilter):
    """Which tools, by how they stand."""

    state = OneOf("state", State.values, "held are all but reviewed")


class ToolStates(ListView[Tool]):
    """How every tool stands, discovered ones too"""

    queryset = Tool.objects.filter(server__retired=False)
    serializer_class = shapes.ToolState
    filterset_class = ToolStateFilter
    orderings = {"server": ("server_id", "name")}
