"""`/metrics` and `/readyz` as an operator asks for them: over HTTP, while the gate lives, hangs or starves."""

import asyncio
import contextlib
import json
import math
import re
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest

from enforcer.admin import AdminApp, AdminServer
from enforcer.contract.incident import KillSwitch
from enforcer.link.ship import Shipper
from enforcer.mcp.upstream.base import UpstreamFailure, UpstreamRequest
from enforcer.observe.loop_watch import LoopWatch
from enforcer.observe.readiness import Readiness
from enforcer.observe.state import State
from tests.enforcer.pipeline.workbench import Workbench, applied, codes, honest

LABELS = {"server", "decision", "reason"}


class Shipping:
    """A shipper that has seen what the test says."""

    def __init__(self) -> None:
        self.problem, self.waited = "", 0.0

    def broker_problem(self) -> str:
        return self.problem

    def unacked_s(self) -> float:
        return self.waited


class Observed:
    """A gate and its admin server; the test's own loop is the one that serves calls."""

    def __init__(self, home: Path, **bench: Any) -> None:
        self.bench, self.shipping = Workbench(home, **bench), Shipping()
        gate, shipper = self.bench.gate, cast("Shipper", self.shipping)
        self.watch = LoopWatch(gate.metrics.loop_lag_seconds.observe)
        self.bench.journal.on_timing(gate.metrics.journal_commit_seconds.observe)
        gate.metrics.also(State(gate, shipper, self.watch, lambda: 3))
        readiness = Readiness(gate, shipper, self.watch, asyncio.get_running_loop())
        listening = socket.create_server(("127.0.0.1", 0))
        self.server = AdminServer(AdminApp(gate.metrics, readiness), listening)

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator["Observed"]:
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(self.watch.run())
            self.server.start()
            try:
                yield self
            finally:
                watching.cancel()
                await asyncio.to_thread(self.server.stop)
                self.bench.journal.close()

    def ask(self, path: str, **headers: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(
                urllib.request.Request(self.server.url + path, headers=headers), timeout=20
            ) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        """As from another process: this loop goes on turning."""
        return await asyncio.to_thread(self.ask, path, **headers)

    async def ready(self) -> tuple[int, dict[str, Any]]:
        status, text = await self.get("/readyz")
        return status, json.loads(text)

    async def samples(self) -> dict[str, float]:
        """Name and labels → value."""
        _, text = await self.get("/metrics")
        rows = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, value in rows}


@pytest.fixture
async def gate(tmp_path: Path) -> AsyncIterator[Observed]:
    async with Observed(tmp_path).serving() as made:
        yield made


async def test_a_gate_that_serves_is_ready_and_says_what_it_stands_on(gate: Observed) -> None:
    await gate.bench.call()
    status, state = await gate.ready()
    assert status == 200
    assert (state["ready"], state["loop"]["ok"], state["journal"]["ok"], state["broker"]["ok"]) == (True,) * 4
    server = state["servers"]["files"]
    assert (server["snapshot_version"], server["degradation"], server["upstream"]) == (7, "none", "known")
    assert server["redis"] == "up"
    assert server["lease_age_s"] == 0.5


async def test_a_loop_that_stands_still_makes_it_unready_while_it_stands(gate: Observed) -> None:
    answers: list[tuple[int, str]] = []
    asking = threading.Thread(target=lambda: answers.append(gate.ask("/readyz")))
    asking.start()
    asking.join(20)  # in the loop's own thread: nothing turns until the answer is there
    (status, text) = answers[0]
    assert status == 503
    assert json.loads(text)["loop"] == {
        "ok": False,
        "problem": "the loop does not answer",
        "lag_s": pytest.approx(1, abs=1),
    }
    await asyncio.sleep(0)
    assert (await gate.ready())[0] == 200


async def test_the_metrics_tell_of_a_loop_that_stands_still_too(gate: Observed) -> None:
    answers: list[str] = []

    def ask() -> None:
        until = time.monotonic() + 20
        while gate.watch.lag_s() < 0.5 and time.monotonic() < until:
            time.sleep(0.01)
        answers.append(gate.ask("/metrics")[1])

    asking = threading.Thread(target=ask)
    asking.start()
    asking.join(30)
    (stuck,) = re.findall(r"^drawbridge_loop_stuck_seconds (\S+)$", answers[0], re.MULTILINE)
    assert float(stuck) >= 0.5


async def test_a_journal_whose_thread_hangs_makes_it_unready_until_it_goes_on(gate: Observed) -> None:
    hangs, going = threading.Event(), threading.Event()

    def hang() -> None:
        gate.bench.journal.ask(lambda _store: (hangs.set(), going.wait(60)), timeout_s=60)

    hanging = threading.Thread(target=hang)
    hanging.start()
    assert hangs.wait(20)
    try:
        status, state = await gate.ready()
        assert (status, state["loop"]["ok"], state["journal"]["ok"]) == (503, True, False)
        assert state["journal"]["problem"] in ("no answer within 2 s", "the disk does not answer")
        assert not gate.bench.gate.ready()
        assert (await gate.samples())["drawbridge_journal_writable"] == 0
    finally:
        going.set()
        hanging.join()
    assert (await gate.ready())[0] == 200


async def test_an_idle_journal_is_tried_and_a_busy_one_is_not_bothered(gate: Observed) -> None:
    await gate.ready()
    commits = "drawbridge_journal_commit_seconds_count"
    first = (await gate.samples())[commits]
    assert first >= 1
    await gate.ready()
    assert (await gate.samples())[commits] == first


async def test_a_journal_that_can_not_be_written_makes_it_unready(gate: Observed) -> None:
    gate.bench.journal.close()
    status, state = await gate.ready()
    assert (status, state["journal"]["problem"]) == (503, "the journal is closed")


@pytest.mark.parametrize(
    ("age", "status", "degradation"),
    [
        (0.5, 200, "none"),
        (61.0, 200, "no_high_risk"),
        (901.0, 503, "stopped"),
        (None, 503, "stopped"),
        (math.nan, 503, "stopped"),
    ],
)
async def test_old_news_degrade_by_risk_and_then_stop_it(
    gate: Observed, age: float | None, status: int, degradation: str
) -> None:
    gate.bench.link.age = age
    found, state = await gate.ready()
    assert (found, state["servers"]["files"]["degradation"]) == (status, degradation)
    if degradation == "stopped":
        assert codes(await gate.bench.call()) in (["DENY_POLICY_STALE"], ["DENY_POLICY_UNAVAILABLE"])


async def test_without_policy_it_is_not_ready(gate: Observed) -> None:
    gate.bench.link.policy = None
    status, state = await gate.ready()
    assert (status, state["servers"]["files"]["policy"]) == (503, False)


async def test_redis_and_broker_may_be_away(gate: Observed) -> None:
    gate.bench.link.quiet, gate.shipping.problem = {}, "the receipts broker: ConnectionError"
    status, state = await gate.ready()
    assert (status, state["broker"]["ok"], state["servers"]["files"]["redis"]) == (200, False, "quiet")
    samples = await gate.samples()
    assert samples["drawbridge_broker_up"] == 0
    assert samples['drawbridge_link_redis_up{server="files"}'] == 0
    assert samples['drawbridge_link_redis_quiet_seconds{server="files"}'] == math.inf


async def test_calls_are_counted_by_decision_and_reason_and_timed(gate: Observed) -> None:
    await gate.bench.call()
    await gate.bench.call(tool="canary7tool", headers={"mcp-session-id": "canary7session"})
    await gate.bench.call(headers={"authorization": "Bearer canary7token"})
    samples = await gate.samples()
    counted = "drawbridge_decisions_total"
    assert samples[f'{counted}{{decision="allow",reason="ALLOW_POLICY_MATCH",server="files"}}'] == 1
    assert samples[f'{counted}{{decision="deny",reason="DENY_TOOL_NOT_FOUND",server="files"}}'] == 1
    assert samples[f'{counted}{{decision="deny",reason="DENY_INVALID_TOKEN",server="files"}}'] == 1
    assert samples['drawbridge_decision_seconds_count{server="files"}'] == 3
    assert samples['drawbridge_upstream_seconds_count{server="files"}'] == 1
    assert samples["drawbridge_journal_depth"] == 3
    assert samples["drawbridge_journal_bytes"] > 0
    assert samples["drawbridge_log_lines_dropped_total"] == 3
    assert samples['drawbridge_snapshot_version{server="files"}'] == 7
    assert samples['drawbridge_in_flight{server="files"}'] == 0
    assert samples["drawbridge_allow_without_policy_total"] == 0


async def test_no_series_has_another_label_and_nothing_of_a_call_is_in_any(gate: Observed) -> None:
    await gate.bench.call(arguments={"path": "canary7argument"})
    await gate.bench.call(tool="canary7tool")
    text = (await gate.get("/metrics"))[1]
    series = [line for line in text.splitlines() if "{" in line and not line.startswith("#")]
    labels = {name for line in series for name in re.findall(r"(\w+)=\"", line) if "build_info" not in line}
    assert labels == LABELS | {"le"}
    assert not re.search(r"canary7|fs_read|\bada\b|principal|session", text)


async def test_what_a_server_fails_at_is_counted_by_reason(tmp_path: Path) -> None:
    async def failing(request: UpstreamRequest) -> Any:
        if request.message["method"] == "tools/call":
            raise UpstreamFailure("unavailable", "its text", sent=False)
        async for message in honest(request):
            yield message

    async with Observed(tmp_path, script=failing).serving() as gate:
        await gate.bench.call()
        failures = 'drawbridge_upstream_failures_total{reason="upstream_unavailable",server="files"}'
        assert (await gate.samples())[failures] == 1


async def test_a_call_that_a_kill_cuts_off_counts_as_interrupted_and_is_in_flight_before(tmp_path: Path) -> None:
    from enforcer.pipeline.decide import refused_now

    sent = asyncio.Event()

    async def hanging(request: UpstreamRequest) -> Any:
        if request.message["method"] == "tools/call":
            sent.set()
            await asyncio.Event().wait()
        async for message in honest(request):
            yield message

    async with Observed(tmp_path, script=hanging).serving() as gate, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(gate.bench.call())
        await sent.wait()
        assert (await gate.samples())['drawbridge_in_flight{server="files"}'] == 1
        gate.bench.link.policy = applied(kill_switches=(KillSwitch(id="k", target="server:files"),))
        gate.bench.gate.flights.stop_refused("files", lambda c, f: refused_now(gate.bench.gate, c, f))
        assert codes(await call) == ["DENY_KILL_SWITCH", "INCIDENT_KILL_SWITCH_ACTIVE"]
        samples = await gate.samples()
        assert samples['drawbridge_in_flight{server="files"}'] == 0
        assert samples['drawbridge_upstream_failures_total{reason="interrupted",server="files"}'] == 1


async def test_an_unwritten_receipt_counts_as_the_refusal_that_the_caller_saw(
    gate: Observed, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate.bench.journal.close()
    assert codes(await gate.bench.call()) == ["DENY_AUDIT_UNAVAILABLE"]
    samples = await gate.samples()
    assert samples['drawbridge_decisions_total{decision="deny",reason="DENY_AUDIT_UNAVAILABLE",server="files"}'] == 1
    assert samples['drawbridge_decision_seconds_count{server="files"}'] == 1


@pytest.mark.parametrize("path", ["/", "/mcp", "/metrics/", "/debug"])
async def test_nothing_else_is_served(gate: Observed, path: str) -> None:
    assert (await gate.get(path))[0] == 404


async def test_open_metrics_are_spoken_where_asked_for(gate: Observed) -> None:
    status, text = await gate.get("/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert status == 200
    assert text.endswith("# EOF\n")
