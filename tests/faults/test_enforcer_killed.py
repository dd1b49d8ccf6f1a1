"""kill -9 of the enforcer under load, a dozen times, Redis flushed in between: nothing crosses without a receipt."""

import json
import os
import threading
import time
from collections import Counter
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis

from tests.support.bench import lines_of, policy
from tests.support.system import System, running

ROUNDS = int(os.environ.get("KILLS", "12"))
pytestmark = [pytest.mark.faults, pytest.mark.timeout(300 + 20 * ROUNDS)]


def load(system: System, token: str, name: str, ended: threading.Event) -> None:
    caller, number = system.caller("gate", token), 0
    while not ended.is_set():
        number += 1
        trace = f"{hash((name, number)) & (2**128 - 1) or 1:032x}"
        try:
            caller.call("note", {"nonce": f"{name}-{number}-{trace}"}, traceparent=f"00-{trace}-00f067aa0ba902b7-01")
        except (OSError, HTTPException, json.JSONDecodeError):
            time.sleep(0.05)  # the gate is away


def test_every_call_that_crossed_has_exactly_one_receipt_and_the_chains_verify(tmp_path: Path) -> None:
    with running(tmp_path) as system:
        (tmp_path / "workspace").mkdir()
        system.apply(policy(tmp_path / "workspace"))
        url = system.start_upstream("ledger", "--ledger", str(tmp_path / "ledger"))
        gate = system.open_gate(system.enroll("gate", "ledger", upstream=url))
        assert urlsplit(gate.url).port
        ada, ended = system.token("ada"), threading.Event()
        threads = [threading.Thread(target=load, args=(system, ada, f"t{n}", ended)) for n in range(4)]
        for thread in threads:
            thread.start()
        try:
            for number in range(ROUNDS):
                crossed = len(lines_of(tmp_path / "ledger"))
                while len(lines_of(tmp_path / "ledger")) < crossed + 10:
                    time.sleep(0.01)
                gate.program.kill()
                if number == ROUNDS // 2:
                    for name in ("redis-admin.url", "broker-admin.url"):
                        redis.Redis.from_url((system.data / name).read_text().strip()).flushall()
                gate = system.launch_gate(gate.file)
                gate.program.line("ready: ")
        finally:
            ended.set()
            for thread in threads:
                thread.join()
        crossed_traces = [line.rsplit("-", 1)[1] for line in lines_of(tmp_path / "ledger")]
        assert len(crossed_traces) >= ROUNDS * 10
        receipts = system.receipts("--enforcer", "gate", settle_s=30)
        calls = Counter(r["trace_id"] for r in receipts if r["mcp"].get("method") == "tools/call")
        assert not [trace for trace in crossed_traces if calls[trace] != 1]
        assert not [trace for trace, count in calls.items() if count != 1]
        assert len({r["receipt_id"] for r in receipts}) == len(receipts)
        assert len({r["chain_id"] for r in receipts}) >= ROUNDS
        interrupted = [r for r in receipts if r.get("outcome", {}).get("detail", "").startswith("interrupted")]
        assert all(r["outcome"]["status"] == "error" for r in interrupted)
        verified = system.manage("receipts", "verify")
        assert verified.code == 0, verified
