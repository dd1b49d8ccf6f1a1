"""A receipt handed out alone, verified elsewhere by keys and a checkpoint; and a history that was written anew."""

import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from controlplane.receipts.append_only import tables
from tests.support.bench import open_bench
from tests.support.processes import wait_for
from tests.support.system import System, running


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[System]:
    with running(tmp_path) as system:
        open_bench(system)
        yield system


def another_checkpoint(bench: System) -> None:
    """A publisher that starts makes one at once, else a minute passes."""
    os.kill(bench.part("publisher"), signal.SIGKILL)


def test_what_is_handed_out_verifies_elsewhere_and_what_was_changed_since_is_seen(bench: System) -> None:
    assert bench.caller("gate", bench.token("ada")).call("note", {"nonce": "n"}).codes == []
    (receipt,) = (r for r in bench.receipts("--enforcer", "gate") if r.get("decision", {}).get("result") == "allow")
    another_checkpoint(bench)
    found = wait_for(lambda: _proof(bench, receipt["receipt_id"]), "a checkpoint over the receipt", timeout_s=60)

    elsewhere = bench.home / "elsewhere"
    elsewhere.mkdir()
    proof, keys, kept = elsewhere / "proof.json", elsewhere / "keys.json", elsewhere / "kept.jsonl"
    proof.write_text(found)
    keys.write_text(bench.manage("receipts", "keys").out)
    kept.write_text(bench.manage("receipts", "checkpoints").out)
    told = bench.enforcer("verify-proof", str(proof), "--key", str(keys))
    assert (told.code, receipt["receipt_id"] in told.out) == (0, True), told
    proof.write_text(found.replace("allow", "allov"))
    told = bench.enforcer("verify-proof", str(proof), "--key", str(keys))
    assert (told.code, "its hash is not that of its content" in told.out) == (1, True), told
    assert bench.manage("receipts", "verify", "--kept", str(kept)).code == 0

    with closing(sqlite3.connect(bench.data / "db.sqlite3", timeout=30)) as database, database:
        for table in tables.protected():
            for act in ("update", "delete", "insert"):
                database.execute(f"DROP TRIGGER {table.name}_keep_{act}")
        database.execute("DELETE FROM receipts_stretch")
        database.execute("DELETE FROM receipts_checkpoint")
    another_checkpoint(bench)
    assert bench.manage("kill", "raise", "tool:ledger/nothing", "--reason", "signed anew", "--timeout", "1") is not None
    wait_for(lambda: _proof(bench, receipt["receipt_id"]), "a checkpoint written anew", timeout_s=60)
    assert bench.manage("receipts", "verify").code == 0  # fits together again: only who kept one can tell
    told = bench.manage("receipts", "verify", "--kept", str(kept))
    assert (told.code, "checkpoint 1, signed" in told.out) == (1, True), told


def _proof(bench: System, receipt_id: str) -> str:
    """Empty while no checkpoint holds it."""
    done = bench.manage("receipts", "proof", receipt_id)
    assert done.code == 0 or "no checkpoint holds it yet" in done.err, done
    return done.out
