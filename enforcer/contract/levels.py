"""Trust levels of servers and risks of tools, both ordered."""

from enum import StrEnum


class Risk(StrEnum):
    """How much harm one call of a tool can do."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"

    @property
    def rank(self) -> int:
        """0 for LOW to 3 for CRITICAL: compare ranks, never names."""
        return _RISKS.index(self)


_RISKS = tuple(Risk)


class TrustLevel(StrEnum):
    """How far a server is trusted."""

    INTERNAL = "internal"
    VERIFIED = "verified"
    COMMUNITY = "community"
    UNKNOWN = "unknown"
