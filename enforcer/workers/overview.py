"""What operators see of an enforcer with workers: every series with its worker, and whether all of them are ready."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError, Future
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from enforcer.contract.strict_json import JsonObject
from enforcer.journal.journal import Journal
from enforcer.link.wire import Shown
from enforcer.metrics import Metrics
from enforcer.workers.crew import Crew
from enforcer.workers.keeper import ANSWER_S, Keeper

OWN = "link"  # the label `worker` of the link process itself


class Overview:
    """Asked from the thread of the admin pages; made in the loop that hears the workers."""

    def __init__(
        self, crew: Crew, keeper: Keeper, metrics: Metrics, journal: Journal, dropped_lines: Callable[[], int]
    ) -> None:
        self._crew, self._keeper, self._metrics, self._journal = crew, keeper, metrics, journal
        self._dropped_lines = dropped_lines
        self._loop = asyncio.get_running_loop()

    def text(self, accept: str = "") -> tuple[bytes, str]:
        """Of all processes together."""
        of_workers = {str(n): _families(shown.text) for n, shown in self._shown("metrics").items() if shown}
        everything = merged({OWN: self._metrics.families(), **of_workers})
        registry = CollectorRegistry()
        registry.register(_Fixed([*everything, *self.own()]))
        encode, content_type = choose_encoder(accept)
        return encode(registry), content_type

    def own(self) -> Iterator[Metric]:
        """Of the workers as such."""
        yield GaugeMetricFamily("drawbridge_workers_running", "Workers that run", value=len(self._crew.workers))
        yield CounterMetricFamily(
            "drawbridge_worker_restarts",
            "Workers that ended by themselves and were started anew",
            self._keeper.restarts,
        )
        yield GaugeMetricFamily(
            "drawbridge_link_journal_depth",
            "Receipts of the link process and of earlier workers that nobody has acknowledged",
            value=self._journal.depth(),
        )
        yield CounterMetricFamily(
            "drawbridge_link_log_lines_dropped", "Log lines of the link process that nobody took", self._dropped_lines()
        )

    def report(self) -> tuple[bool, JsonObject]:
        """(ready, everything). Blocks for up to four seconds."""
        shown, problem = self._shown("ready"), self._journal.problem()
        workers: JsonObject = {str(number): _reported(one) for number, one in shown.items()}
        ready = bool(shown) and not problem and all(one is not None and one.ready for one in shown.values())
        return ready, {"ready": ready, "journal": {"ok": not problem, "problem": problem}, "workers": workers}

    def _shown(self, what: str) -> Mapping[int, Shown | None]:
        asked: Future[dict[int, Shown | None]] = asyncio.run_coroutine_threadsafe(self._keeper.show(what), self._loop)
        try:
            return asked.result(ANSWER_S + 1)
        except (TimeoutError, CancelledError):
            asked.cancel()
            return {}


def merged(of: Mapping[str, Iterable[Metric]]) -> list[Metric]:
    """One family for each name, its samples labelled with the worker they come from."""
    found: dict[str, Metric] = {}
    for worker, families in of.items():
        for family in families:
            known = found.setdefault(family.name, Metric(family.name, family.documentation, family.type))
            for sample in family.samples:
                known.add_sample(sample.name, {**sample.labels, "worker": worker}, sample.value)
    return list(found.values())


class _Fixed(Collector):
    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _families(text: str) -> Iterable[Metric]:
    found: Any = text_string_to_metric_families(text)
    return list(found)


def _reported(shown: Shown | None) -> JsonObject:
    return {"ready": False, "problem": "it does not run, or does not answer"} if shown is None else shown.report
