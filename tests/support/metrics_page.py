"""docs/reference/metrics.md against what is really exposed, and docs/alarms.yaml against both."""

import re
from collections.abc import Iterable
from pathlib import Path

from prometheus_client.core import Metric
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
PAGE, ALARMS = ROOT / "docs/reference/metrics.md", ROOT / "docs/alarms.yaml"
GUIDE = ROOT / "docs/how-to/observe.md"
_ENDING = {"counter": "_total", "info": "_info"}
_SERIES = {"histogram": ("_bucket", "_count", "_sum")}


def row(metric: Metric) -> str:
    """A line of the page."""
    labels = {name for sample in metric.samples for name in sample.labels} - {"le"}
    shown = ", ".join(f"`{name}`" for name in sorted(labels))
    return f"| `{metric.name}{_ENDING.get(metric.type, '')}` | {metric.type} | {shown} | {metric.documentation} |"


def rows(metrics: Iterable[Metric]) -> list[str]:
    """All of ours, in order."""
    return sorted(row(metric) for metric in metrics if metric.name.startswith("drawbridge_"))


def table(heading: str) -> list[str]:
    """The rows that stand under a heading of the page."""
    section = PAGE.read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return sorted(line for line in section.splitlines() if line.startswith("| `"))


def documented() -> set[str]:
    """Every series that the page promises."""
    found: set[str] = set()
    for name, kind in re.findall(r"^\| `(\w+)` \| (\w+) \|", PAGE.read_text(), re.MULTILINE):
        found |= {name + ending for ending in _SERIES.get(kind, ("",))}
    return found


def alarms() -> dict[str, str]:
    """Name of each alarm → its expression."""
    groups = YAML(typ="safe").load(ALARMS)["groups"]
    return {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"]}
