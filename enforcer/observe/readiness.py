"""Whether this gate can do its work, and what of it: the loop asked through the loop, the journal through the disk.

Redis, the broker and the control plane may be away without the gate being any less ready: it decides from memory.
"""

import asyncio
import threading
import time
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from typing import Literal

from enforcer.contract.strict_json import JsonObject
from enforcer.journal.problems import JournalUnavailable
from enforcer.link.direct import QUIET_S
from enforcer.link.ship import Shipper
from enforcer.link.state import Applied
from enforcer.observe.loop_watch import STUCK_S, LoopWatch
from enforcer.pipeline.gate import Gate

Degradation = Literal["none", "no_high_risk", "stopped"]
LOOP_S = 1.0  # for an answer of the loop
FRESH_S = 1.0  # a commit as young as that needs no other one to prove the disk


@dataclass(slots=True)
class Readiness:
    """`loop` is the one that serves calls; who asks has another one."""

    gate: Gate
    shipper: Shipper
    watch: LoopWatch
    loop: asyncio.AbstractEventLoop
    _probing: threading.Lock = field(default_factory=threading.Lock)

    def report(self) -> tuple[bool, JsonObject]:
        """(ready, everything). Blocks for up to three seconds."""
        loop, servers = self._loop()
        journal = self._journal()
        serving = servers is not None and all(server["degradation"] != "stopped" for server in servers.values())
        ready = bool(loop["ok"]) and bool(journal["ok"]) and serving
        return ready, {
            "ready": ready,
            "loop": loop,
            "journal": journal,
            "broker": {"ok": not self.shipper.broker_problem(), "problem": self.shipper.broker_problem()},
            "unacked_s": round(self.shipper.unacked_s(), 3),
            "servers": dict(servers) if servers is not None else None,
        }

    def _loop(self) -> tuple[JsonObject, dict[str, JsonObject] | None]:
        """The state of the servers is asked for in the loop that serves calls: no answer, no service."""
        began = time.monotonic()
        asked = asyncio.run_coroutine_threadsafe(_servers(self.gate), self.loop)
        try:
            servers = asked.result(LOOP_S)
        except (TimeoutError, CancelledError):
            asked.cancel()
            return {"ok": False, "lag_s": round(self.watch.lag_s(), 3), "problem": "the loop does not answer"}, None
        took = time.monotonic() - began
        return {
            "ok": self.watch.lag_s() < STUCK_S,
            "lag_s": round(self.watch.lag_s(), 3),
            "took_s": round(took, 4),
        }, servers

    def _journal(self) -> JsonObject:
        journal = self.gate.journal
        problem = journal.problem() or self._disk_problem()
        committed = journal.committed_s()
        return {
            "ok": not problem,
            "problem": problem,
            "committed_s": None if committed is None else round(committed, 3),
            "depth": journal.depth(),
            "waiting": journal.waiting(),
        }

    def _disk_problem(self) -> str:
        """A durable write, unless one was made a moment ago or is still under way."""
        committed = self.gate.journal.committed_s()
        if committed is not None and committed < FRESH_S:
            return ""
        if not self._probing.acquire(blocking=False):
            return "an earlier trial has not ended"
        try:
            self.gate.journal.probe()
        except JournalUnavailable as problem:
            return str(problem)
        finally:
            self._probing.release()
        return ""


def degradation(policy: Applied | None, lease_age: float | None, now: float) -> Degradation:
    """What the age of the news leaves standing; the same budgets as `enforcer.policy.standing`."""
    if policy is None or lease_age is None or not now < policy.index.expires_at:
        return "stopped"
    trust = policy.index.snapshot.trust
    if not 0 <= lease_age <= trust.stale_all_s:
        return "stopped"
    return "none" if lease_age <= trust.stale_high_s else "no_high_risk"


async def _servers(gate: Gate) -> dict[str, JsonObject]:
    return {server_id: _server(gate, server_id) for server_id in gate.servers}


def _server(gate: Gate, server_id: str) -> JsonObject:
    policy, age = gate.link.current(server_id), gate.link.lease_age(server_id)
    redis, direct = gate.link.quiet_s(server_id, "redis"), gate.link.quiet_s(server_id, "direct")
    return {
        "policy": policy is not None,
        "snapshot_version": policy.index.snapshot.version if policy else None,
        "incident_epoch": policy.incident.epoch if policy else None,
        "lease_age_s": _rounded(age),
        "degradation": degradation(policy, age, gate.wall()),
        "redis": "up" if redis is not None and redis <= QUIET_S else "quiet",
        "redis_quiet_s": _rounded(redis),
        "direct_quiet_s": _rounded(direct),
        "upstream": "known" if gate.catalog(server_id).listed() else "unknown",
        "in_flight": gate.flights.count(server_id),
        "problems": list(gate.link.problems(server_id)),
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
