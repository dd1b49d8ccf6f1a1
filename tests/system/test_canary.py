"""Secrets planted in all that a caller and a server can send are in no file that anybody but the server keeps."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.support.bench import lines_of, policy
from tests.support.system import System, running

CANARY = "cAnAry-5f3a9c"


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    home = tmp_path_factory.mktemp("planted")
    (home / "workspace").mkdir()
    with running(home) as made:
        made.apply(policy(home / "workspace"))
        url = made.start_upstream("ledger", "--ledger", str(home / "ledger"))
        made.open_gate(made.enroll("gate", "ledger", upstream=url))
        yield made


def plant(system: System) -> list[int]:
    """Statuses of what was asked, each with a canary of its own."""
    ada = system.caller("gate", system.token("ada"))
    stranger = system.caller("gate", f"{CANARY}.in.a-token")
    passed = ada.call("note", {"nonce": f"{CANARY} in an argument and in the answer"})
    assert passed.codes == []
    answers = [
        passed,
        ada.call("note", {"nonce": {"deep": [f"{CANARY} of a wrong type"]}}),
        ada.call("nothing", {"nonce": f"{CANARY} for a tool that isn't there"}),
        ada.call("note", {"nonce": "x"}, secret=f"{CANARY} in _meta"),
        stranger.call("note", {"nonce": f"{CANARY} from a stranger"}),
        ada.post(f'{{"jsonrpc": "2.0", "broken": "{CANARY}"'.encode()),
        ada.post(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": [CANARY]}).encode()),
    ]
    names = ("X-Api-Key", "Cookie", "Proxy-Authorization", "Referer", "User-Agent", "Mcp-Session-Id")
    answers += [ada.post(b"{}", {name: f"{CANARY}-{name}"}) for name in names]
    return [answer.status for answer in answers]


def files(home: Path) -> Iterator[Path]:
    """Everything below but what the server itself wrote."""
    for path in home.rglob("*"):
        if path.is_file() and path != home / "ledger":
            yield path


def test_no_planted_secret_is_in_a_journal_a_table_a_log_or_an_export(system: System) -> None:
    statuses = plant(system)
    assert len(set(statuses)) > 2
    assert any(CANARY in line for line in lines_of(system.home / "ledger"))
    receipts = system.receipts()
    assert len([r for r in receipts if r["enforcer_id"] == "gate"]) >= len(statuses)
    assert CANARY not in json.dumps(receipts)
    seen = {path.name for path in files(system.home)}
    assert {"journal.sqlite3", "db.sqlite3", "up.log", "gate-0.log"} <= seen
    assert [path for path in files(system.home) if CANARY.encode() in path.read_bytes()] == []


@pytest.mark.parametrize("instance", ["redis-admin.url", "broker-admin.url"])
def test_no_planted_secret_is_in_valkey(system: System, instance: str) -> None:
    plant(system)
    store = redis.Redis.from_url((system.data / instance).read_text().strip())
    found = {key: store.dump(key) for key in store.scan_iter()}
    assert [key for key, value in found.items() if CANARY.encode() in (value or b"") + key] == []
