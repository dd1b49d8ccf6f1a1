"""A database restored from backup: the fleet does not follow it blindly, and does for good once the root has spoken."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.bench import open_bench
from tests.support.processes import wait_for
from tests.support.system import System, running

GRANT = {"principal": "bea", "server": "ledger", "tools": ["note"], "reason": "tests"}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[System]:
    with running(tmp_path) as system:
        open_bench(system)
        system.apply({"principals": [{"subject": "bea"}], "grants": [{"id": "beas", **GRANT}]})
        yield system


def copy(source: Path, target: Path) -> None:
    """As a restore would, while everything runs."""
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target, timeout=30)) as new:
        old.backup(new)


def codes(system: System, who: str) -> list[str]:
    return system.caller("gate", system.token(who)).call("note", {"nonce": "n"}).codes


def test_a_restored_database_is_followed_again_with_what_was_stopped_since(bench: System) -> None:
    live, backup = bench.data / "db.sqlite3", bench.home / "backup.sqlite3"
    assert codes(bench, "bea") == []
    copy(live, backup)

    assert bench.manage("kill", "raise", "principal:ada", "--reason", "INC-9").code == 0
    bench.apply({"grants": [{"id": "beas", **GRANT, "effect": "deny"}]})
    wait_for(lambda: codes(bench, "bea") == ["DENY_NO_PERMISSION"], "the deny")
    assert codes(bench, "ada")[0] == "DENY_KILL_SWITCH"
    for number in range(3):
        bench.apply({"groups": [{"name": f"g{number}"}]})

    copy(backup, live)
    bench.manage("kill", "raise", "tool:ledger/nothing", "--reason", "wakes the publisher", "--timeout", "1")
    assert codes(bench, "bea") == ["DENY_NO_PERMISSION"]  # older numbers move nobody
    assert codes(bench, "ada")[0] == "DENY_KILL_SWITCH"

    refused = bench.manage("raise_generation", "--reason", "restored")
    assert refused.code == 1, refused
    assert "newly allows 1 principal × 1 tool on ledger: bea × note" in refused.out
    assert "nothing was changed" in refused.err

    done = bench.manage("raise_generation", "--reason", "restored", "--accept-wider", timeout_s=90)
    assert done.code == 0, done
    assert "kept: kill switch on principal:ada" in done.out
    assert done.out.splitlines()[-1] == "generation 2 published"
    wait_for(lambda: codes(bench, "bea") == [], "the restored grant", timeout_s=30)
    assert codes(bench, "ada")[0] == "DENY_KILL_SWITCH"

    done = bench.manage("kill", "lower", "principal:ada", "--reason", "over")
    assert done.code == 0, done
    assert codes(bench, "ada") == []
    done = bench.manage("kill", "raise", "server:ledger", "--reason", "still heard")
    assert done.code == 0, done


def test_what_was_handed_over_after_the_backup_is_sent_again(bench: System) -> None:
    live, backup = bench.data / "db.sqlite3", bench.home / "backup.sqlite3"
    bea = bench.caller("gate", bench.token("bea"))
    assert bea.call("note", {"nonce": "before"}).codes == []
    bench.receipts()
    copy(live, backup)
    assert [bea.call("note", {"nonce": f"after-{number}"}).codes for number in range(20)] == [[]] * 20
    before = {receipt["receipt_id"] for receipt in bench.receipts("--enforcer", "gate")}
    copy(backup, live)
    done = bench.manage("raise_generation", "--reason", "restored", timeout_s=90)
    assert done.code == 0, done

    def stored() -> bool:
        return before <= {receipt["receipt_id"] for receipt in bench.receipts("--enforcer", "gate", settle_s=0)}

    wait_for(stored, "what the database lost", timeout_s=60)
    verified = bench.manage("receipts", "verify", "--settle", "20")
    assert verified.code == 0, verified


def test_without_the_root_s_key_nothing_is_raised(bench: System) -> None:
    root = bench.data / "keys" / "root"
    elsewhere = bench.home / "root-in-a-safe"
    root.rename(elsewhere)
    done = bench.manage("raise_generation", "--reason", "x")
    assert (done.code, done.out) == (2, "")
    assert "root: can't be read" in done.err
    other = bench.home / "other"
    other.write_text((bench.data / "keys" / "token").read_text())
    other.chmod(0o600)
    assert "is another root" in bench.manage("raise_generation", "--reason", "x", "--root-key", str(other)).err
    done = bench.manage("raise_generation", "--reason", "x", "--root-key", str(elsewhere), timeout_s=90)
    assert (done.code, done.out) == (0, "generation 2 published\n")
    assert codes(bench, "ada") == []


def test_without_redis_it_says_what_would_be_lost(bench: System) -> None:
    done = bench.manage("raise_generation", "--reason", "x", env={"REDIS_URL": "redis://127.0.0.1:1/0"})
    assert (done.code, done.out) == (3, "")
    assert "nobody knows what was stopped" in done.err


def test_keys_are_rotated_while_calls_go_on_and_no_host_is_touched(bench: System) -> None:
    token = bench.token("ada")

    def call() -> list[str]:
        return bench.caller("gate", token).call("note", {"nonce": "turning"}).codes

    for role in ("policy", "incident", "lease", "token"):
        assert bench.manage("rotate_key", role, "--reason", "yearly").code == 0
        assert [call() for _ in range(30)] == [[]] * 30
    for role in ("policy", "incident", "lease"):
        assert bench.manage("rotate_key", role, "--retire", "--reason", "yearly").code == 0
        assert [call() for _ in range(30)] == [[]] * 30
    fresh = bench.token("ada")
    done = bench.manage("rotate_key", "token", "--retire", "--reason", "old tokens go")
    assert done.code == 0, done
    wait_for(lambda: call() == ["DENY_INVALID_TOKEN", "DENY_NO_AUTHN"], "the old token to be refused", timeout_s=20)
    assert bench.caller("gate", fresh).call("note", {"nonce": "fresh"}).codes == []

    assert bench.manage("rotate_key", "incident", "--compromised", "--reason", "stolen").code == 0
    assert bench.manage("kill", "raise", "server:ledger", "--reason", "heard under the new key").code == 0
    assert bench.caller("gate", fresh).call("note", {"nonce": "killed"}).codes[0] == "DENY_KILL_SWITCH"
