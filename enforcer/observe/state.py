"""What `/metrics` reads at the moment of asking, from any thread: policy, link, journal, shipping, the loop.

An age that isn't known counts as endless, so that a rule like `> 60` fires for it too.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from enforcer.link.direct import QUIET_S
from enforcer.link.holdings import Source
from enforcer.link.ship import Shipper
from enforcer.observe.loop_watch import LoopWatch
from enforcer.pipeline.gate import Gate

Reading = tuple[str, str, Callable[[], float]]
ServerReading = tuple[str, str, Callable[[str], float]]


@dataclass(frozen=True, slots=True, eq=False)
class State(Collector):
    """Of one enforcer."""

    gate: Gate
    shipper: Shipper
    watch: LoopWatch
    dropped_lines: Callable[[], int] = lambda: 0

    def collect(self) -> Iterator[Metric]:
        """All of it now."""
        for name, about, of in self._by_server():
            family = GaugeMetricFamily(f"drawbridge_{name}", about, labels=("server",))
            for server_id in self.gate.servers:
                family.add_metric([server_id], of(server_id))
            yield family
        for name, about, value in self._whole():
            yield GaugeMetricFamily(f"drawbridge_{name}", about, value=value())
        yield CounterMetricFamily(
            "drawbridge_log_lines_dropped", "Log lines that nobody took in time", value=self.dropped_lines()
        )

    def _by_server(self) -> Iterable[ServerReading]:
        return (
            ("in_flight", "Messages sent to the server that have no receipt yet", self.gate.flights.count),
            ("open_streams", "Streams that clients hold open to hear of changes", self.gate.streams.count),
            ("policy_in_force", "1 if there is a verified policy to decide by", self._has_policy),
            ("snapshot_version", "Version of the snapshot in force, 0 without one", self._snapshot_version),
            ("incident_epoch", "Epoch of the incident state in force, 0 without one", self._incident_epoch),
            ("lease_age_seconds", "Since the control plane vouched for the policy; endless without a lease", self._age),
            ("link_redis_up", f"1 if Redis brought a new lease in the last {QUIET_S:g} s", self._redis_up),
            ("link_redis_quiet_seconds", "Since Redis last brought a new lease", lambda s: self._quiet(s, "redis")),
            (
                "link_direct_up",
                "1 if the control plane itself, asked where Redis is quiet, brought one",
                self._direct_up,
            ),
            (
                "link_direct_quiet_seconds",
                "Since the control plane itself last brought one",
                lambda s: self._quiet(s, "direct"),
            ),
        )

    def _whole(self) -> Iterable[Reading]:
        journal = self.gate.journal
        return (
            ("journal_writable", "1 if receipts can be written now", lambda: float(not journal.problem())),
            ("journal_depth", "Receipts that the control plane has not acknowledged", journal.depth),
            ("journal_waiting", "Writes that wait for the disk", journal.waiting),
            ("journal_bytes", "Size of the journal on disk", journal.size),
            (
                "unacked_seconds",
                "For how long receipts have waited without any acknowledgement",
                self.shipper.unacked_s,
            ),
            ("broker_up", "0 if the receipts broker did not take the last batch", self._broker_up),
            ("loop_stuck_seconds", "For how long the event loop has not turned when it should have", self.watch.lag_s),
        )

    def _has_policy(self, server_id: str) -> float:
        return float(self.gate.link.current(server_id) is not None)

    def _snapshot_version(self, server_id: str) -> float:
        policy = self.gate.link.current(server_id)
        return policy.index.snapshot.version if policy else 0

    def _incident_epoch(self, server_id: str) -> float:
        policy = self.gate.link.current(server_id)
        return policy.incident.epoch if policy else 0

    def _age(self, server_id: str) -> float:
        age = self.gate.link.lease_age(server_id)
        return math.inf if age is None else age

    def _redis_up(self, server_id: str) -> float:
        return float(self._quiet(server_id, "redis") <= QUIET_S)

    def _direct_up(self, server_id: str) -> float:
        return float(
            self._quiet(server_id, "direct") <= 2 * QUIET_S
        )  # asked each second at most, slower after failures

    def _quiet(self, server_id: str, source: Source) -> float:
        quiet = self.gate.link.quiet_s(server_id, source)
        return math.inf if quiet is None else quiet

    def _broker_up(self) -> float:
        return float(not self.shipper.broker_problem())
