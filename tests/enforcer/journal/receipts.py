"""Receipts for the journal's tests, and an independent reading of its file."""

import itertools
import sqlite3
from pathlib import Path

from enforcer.contract.receipt import GENESIS_PARENT, open_line
from enforcer.contract.strict_json import JsonObject

_numbers = itertools.count(1)
AT = "2026-11-23T20:00:00.000Z"


def a_draft(receipt_id: str = "", **more: object) -> JsonObject:
    """What is known before a call is sent."""
    made: JsonObject = {
        "receipt_id": receipt_id or f"receipt-{next(_numbers):06}",
        "receipt_type": "csp.tool_safety.action.v1",
        "ts": AT,
        "valid_time": {"start": AT},
        "observed_at": AT,
        "trace_id": "0123456789abcdef0123456789abcdef",
        "enforcer_id": "probe",
        "decision": {"result": "allow", "reason_codes": ["ALLOW_POLICY_MATCH"]},
    }
    return {**made, **more}  # type: ignore[dict-item]


def finished(draft: JsonObject) -> JsonObject:
    """The receipt of the same call."""
    whole: JsonObject = {key: value for key, value in draft.items() if key != "_dispatch"}
    return {**whole, "outcome": {"status": "success", "duration_ms": 1.5}}


def stored(directory: Path) -> list[JsonObject]:
    """Every receipt in a journal's file, in order, each line and every link checked."""
    with sqlite3.connect(directory / "journal.sqlite3") as sql:
        lines = [bytes(line) for (line,) in sql.execute("SELECT line FROM receipt ORDER BY id")]
    sql.close()
    heads: dict[str, tuple[int, str]] = {}
    made = []
    for raw in lines:
        link, receipt = open_line(raw)
        genesis = receipt.get("genesis", {})
        assert isinstance(genesis, dict)
        previous = genesis.get("previous_chain_id")
        parent = heads[previous][1] if isinstance(previous, str) and previous in heads else GENESIS_PARENT
        sequence, head = heads.get(link.chain_id, (0, parent))
        if not (link.sequence == 1 and previous is not None and previous not in heads):
            assert (link.sequence, link.parent_hash) == (sequence + 1, head), receipt
        heads[link.chain_id] = (link.sequence, link.receipt_hash)
        made.append(receipt)
    ids = [receipt["receipt_id"] for receipt in made]
    assert len(ids) == len(set(map(str, ids)))
    return made


def open_ids(directory: Path) -> set[str]:
    """Calls without a receipt yet."""
    with sqlite3.connect(directory / "journal.sqlite3") as sql:
        found = {row[0] for row in sql.execute("SELECT receipt_id FROM open_call")}
    sql.close()
    return found
