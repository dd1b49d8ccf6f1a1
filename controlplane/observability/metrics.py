"""`/metrics`: a registry that reads everything anew for whoever asks."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from controlplane.observability.readings import fleet, parts, policy, receipts

READINGS = (policy.read, fleet.read, receipts.read, parts.read)


class Everything(Collector):
    """All readings."""

    def collect(self) -> Iterator[Metric]:
        """Now."""
        for read in READINGS:
            yield from read()

    def describe(self) -> list[Metric]:
        """Nothing ahead: to register must ask nobody."""
        return []


def text(accept: str) -> tuple[bytes, str]:
    """In the form that is asked for, and its content type."""
    registry = CollectorRegistry()
    registry.register(Everything())
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type
