"""What Prometheus may see: labels server, decision and reason; never a tool, a principal or a session."""

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest


class Metrics:
    """A registry of this process alone."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.decisions = Counter(
            "drawbridge_decisions", "Messages decided", ("server", "decision", "reason"), registry=self._registry
        )
        self.lease_age = Gauge("drawbridge_lease_age_seconds", "Age of the lease", ("server",), registry=self._registry)
        self.journal_depth = Gauge("drawbridge_journal_depth", "Receipts not acknowledged", registry=self._registry)
        self.allow_without_policy = Counter(
            "drawbridge_allow_without_policy", "Must stay 0: raise an alarm when it does not", registry=self._registry
        )

    def text(self) -> bytes:
        """In the exposition format."""
        return generate_latest(self._registry)
