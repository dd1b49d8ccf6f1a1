"""Gauges under one prefix."""

from collections.abc import Iterable, Mapping

from prometheus_client.core import GaugeMetricFamily

PREFIX = "drawbridge_control_"


def gauge(name: str, about: str, value: float) -> GaugeMetricFamily:
    """One number."""
    return GaugeMetricFamily(PREFIX + name, about, value=value)


def gauges(
    name: str, about: str, label: str, values: Mapping[str, float] | Iterable[tuple[str, float]]
) -> GaugeMetricFamily:
    """One number for each value of a label."""
    family = GaugeMetricFamily(PREFIX + name, about, labels=(label,))
    for labelled, value in values.items() if isinstance(values, Mapping) else values:
        family.add_metric([labelled], value)
    return family
