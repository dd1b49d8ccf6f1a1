"""What must hold after any crash, asked of the ledger, of the answers to callers, of the journal and of the table."""

import json
import sqlite3
import time
from collections import Counter
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from uuid import uuid4

from tests.support.bench import lines_of
from tests.support.system import System

LONGEST_S = 15.0  # for an answer, or for the end of the connection
KINDS = ("note", "unknown", "tools/list", "other")


@dataclass(slots=True)
class Oracle:
    """Calls one gate, remembers what it was told, and compares."""

    system: System
    gate: str
    token: str
    asked: set[str] = field(default_factory=set)
    answered: dict[str, str] = field(default_factory=dict)  # trace → the decision that the caller was told

    def ask(self, kind: str) -> None:
        """One message; what the caller saw of it is kept. Fails where nothing comes in time."""
        trace, caller, began = uuid4().hex, self.system.caller(self.gate, self.token), time.monotonic()
        meta = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
        self.asked.add(trace)
        try:
            if kind == "tools/list":
                answer = caller.request(kind, {}, meta=meta)
            else:
                answer = caller.call(kind, {"nonce": trace}, **meta)
        except (OSError, HTTPException, json.JSONDecodeError):
            pass
        else:
            # of what the journal didn't take in time nothing is told but that (DESIGN section 6)
            if answer.codes != ["DENY_AUDIT_UNAVAILABLE"]:
                self.answered[trace] = "deny" if answer.codes else "allow"
        assert time.monotonic() - began < LONGEST_S, f"{kind} hung"

    def check(self) -> list[dict[str, Any]]:
        """Everything at once, once the control plane has what the gate has; the receipts."""
        ran = lines_of(self.system.home / "ledger")
        receipts = self.system.receipts("--enforcer", self.gate, settle_s=60)
        by_trace = Counter(r["trace_id"] for r in receipts)
        assert [trace for trace in ran if by_trace[trace] != 1] == [], "ran without exactly one receipt"
        assert [trace for trace in self.answered if by_trace[trace] != 1] == [], "answered without exactly one receipt"
        assert [trace for trace in self.asked if by_trace[trace] > 1] == [], "has two receipts"
        assert Counter(ran).most_common(1)[0][1] == 1, "ran twice"
        decisions = {r["trace_id"]: r["decision"]["result"] for r in receipts if "decision" in r}
        assert {trace: decisions[trace] for trace in self.answered} == self.answered, (
            "the receipt tells another decision than the caller was told"
        )
        assert set(ran) <= {trace for trace, result in decisions.items() if result == "allow"}, "ran without an allow"
        stored = {r["receipt_hash"] for r in receipts}
        assert self._journal() <= stored, "durable in the journal and not in the table"
        assert len({r["receipt_id"] for r in receipts}) == len(receipts) == len(stored)
        verified = self.system.manage("receipts", "verify", timeout_s=120)
        assert verified.code == 0, verified
        return receipts

    def _journal(self) -> set[str]:
        path = self.system.gates[self.gate].data / "journal.sqlite3"
        journal = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            return {row[0] for row in journal.execute("SELECT receipt_hash FROM receipt")}
        finally:
            journal.close()
