"""What Prometheus may see: labels server, decision and reason; never a tool, a principal or a session.

What is counted and timed stands here; what is read at the moment of asking, in `enforcer.observe.state`.
"""

import platform
from collections.abc import Callable, Iterable
from importlib.metadata import version
from typing import Any, TypeVar, cast

from prometheus_client import CollectorRegistry, Counter, Histogram, Info, ProcessCollector, disable_created_metrics
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

disable_created_metrics()  # type: ignore[no-untyped-call]  # a time of birth for each series tells nobody anything

QUICK_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
SLOW_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
Labelled = TypeVar("Labelled", Counter, Histogram)


class Metrics:
    """A registry of this process alone. Servers given are there from the start, with nothing counted yet."""

    def __init__(self, servers: Iterable[str] = ()) -> None:
        self._registry = CollectorRegistry()
        self._children: dict[tuple[Any, tuple[str, ...]], Any] = {}
        ProcessCollector(registry=self._registry)
        self.decisions = self._counter("decisions", "Messages decided", "server", "decision", "reason")
        self.decision_seconds = self._histogram(
            "decision_seconds", "From a message's arrival to its decision", QUICK_S, "server"
        )
        self.upstream_seconds = self._histogram(
            "upstream_seconds", "From sending a message to its server to the end of the answer", SLOW_S, "server"
        )
        self.upstream_failures = self._counter(
            "upstream_failures", "Messages whose server failed, did not answer or was cut off", "server", "reason"
        )
        self.rejected_documents = self._counter(
            "rejected_documents", "Signed documents refused, each time they were offered", "server"
        )
        self.kill_apply_seconds = self._histogram(
            "kill_apply_seconds", "From the arrival of another incident state to its being in force", QUICK_S, "server"
        )
        self.kill_age_seconds = self._histogram(
            "kill_age_seconds",
            "From the signing of an incident state to its being in force here, by two clocks",
            SLOW_S,
            "server",
        )
        self.sandbox_starts = self._counter(
            "sandbox_starts", "Processes of a server started inside a sandbox", "server"
        )
        self.unsandboxed_starts = self._counter(
            "unsandboxed_starts", "Processes of a server started without a sandbox", "server"
        )
        self.journal_commit_seconds = self._histogram(
            "journal_commit_seconds", "One durable group of the journal", QUICK_S
        )
        self.loop_lag_seconds = self._histogram(
            "loop_lag_seconds", "How late the event loop that serves calls turned", QUICK_S
        )
        self.allow_without_policy = self._counter(
            "allow_without_policy", "Must stay 0: an allow is made of a verified policy and of nothing else"
        )
        build = Info("drawbridge_build", "What runs here", registry=self._registry)
        build.info({"version": version("drawbridge"), "python": platform.python_version()})
        for server in servers:
            self._prepare(server)

    def decided(self, server: str, decision: str, reason: str, seconds: float) -> None:
        """A message has its decision and its receipt."""
        self._child(self.decisions, server, decision, reason).inc()
        self._child(self.decision_seconds, server).observe(seconds)

    def sent(self, server: str, seconds: float, failure: str) -> None:
        """A message was sent to its server; an empty `failure` is an answer."""
        self._child(self.upstream_seconds, server).observe(seconds)
        if failure:
            self.upstream_failures.labels(server, failure).inc()

    def killed(self, server: str, apply_s: float, age_s: float) -> None:
        """Another incident state came into force."""
        self.kill_apply_seconds.labels(server).observe(apply_s)
        self.kill_age_seconds.labels(server).observe(age_s)

    def rejected(self, server: str) -> None:
        """A signed document was refused."""
        self.rejected_documents.labels(server).inc()

    def started(self, server: str, sandboxed: bool) -> None:
        """A process of a stdio server was started."""
        (self.sandbox_starts if sandboxed else self.unsandboxed_starts).labels(server).inc()

    def also(self, collector: Collector) -> None:
        """Ask this one too."""
        self._registry.register(collector)

    def families(self) -> list[Metric]:
        """Everything as it stands now."""
        return list(self._registry.collect())

    def text(self, accept: str = "") -> tuple[bytes, str]:
        """In the exposition format that is asked for, and its content type."""
        encode: Callable[[CollectorRegistry], bytes]
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type

    def _child(self, metric: Labelled, *labels: str) -> Labelled:
        """Few, and each call needs several; the library would look them up anew each time, under a lock."""
        known = self._children.get((metric, labels))
        if known is None:
            known = self._children[metric, labels] = metric.labels(*labels)
        return cast("Labelled", known)

    def _prepare(self, server: str) -> None:
        for metric in (
            self.decision_seconds,
            self.upstream_seconds,
            self.rejected_documents,
            self.kill_apply_seconds,
            self.kill_age_seconds,
            self.sandbox_starts,
            self.unsandboxed_starts,
        ):
            metric.labels(server)

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(f"drawbridge_{name}", about, labels, registry=self._registry)

    def _histogram(self, name: str, about: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"drawbridge_{name}", about, labels, registry=self._registry, buckets=buckets)
