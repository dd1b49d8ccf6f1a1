"""Pages of this app in the web admin: a module each for levels, servers and tools, and one for reviews."""

from controlplane.inventory.admin_levels import TrustLevelAdmin
from controlplane.inventory.admin_patterns import RiskPatternAdmin
from controlplane.inventory.admin_servers import ServerAdmin
from controlplane.inventory.admin_tools import ToolAdmin

__all__ = ["RiskPatternAdmin", "ServerAdmin", "ToolAdmin", "TrustLevelAdmin"]
