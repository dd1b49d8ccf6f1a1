"""An enforcer on another host registers itself at its first start; a crash in between only means to ask again."""

import json
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bench import open_bench
from tests.support.processes import free_port, wait_for
from tests.support.system import System, running


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with running(tmp_path_factory.mktemp("remote")) as system:
        open_bench(system)
        yield system


def invite(system: System, name: str, *more: str) -> Path:
    upstream = re.search(
        r'^url = "(.*)"$', system.gates["gate"].file.read_text().split("[[upstream]]")[1], re.MULTILINE
    )
    assert upstream is not None
    done = system.manage(
        "enroll", name, "--server", "ledger", "--remote", "--upstream", upstream.group(1),
        "--data-dir", str(system.home / name), "--listen", f"127.0.0.1:{free_port()}", *more,
    )  # fmt: skip
    assert done.code == 0, done
    file = system.home / f"{name}.toml"
    file.write_text(done.out)
    return file


def test_the_first_start_registers_and_serves_and_the_next_one_needs_no_code(bench: System) -> None:
    file = invite(bench, "edge")
    assert not (bench.home / "edge").exists()
    bench.open_gate(file)
    assert bench.caller("edge", bench.token("ada")).call("note", {"nonce": "remote"}).result
    refused = bench.caller("edge", bench.token("ada")).call("missing")
    assert bench.receipt(refused.receipt_id)["enforcer_id"] == "edge"
    data = bench.home / "edge"
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    for name in ("enforcer.key", "redis.pass", "broker.pass", "server.hmac"):
        assert stat.S_IMODE((data / name).stat().st_mode) == 0o600
    assert not (data / "enrolment.new").exists()
    bench.gates["edge"].program.kill()
    bench.open_gate(file)
    assert bench.caller("edge", bench.token("ada")).call("note", {"nonce": "again"}).result
    bench.gates["edge"].program.stop()


def test_a_used_code_is_no_use_on_another_host(bench: System) -> None:
    file = invite(bench, "once")
    gate = bench.open_gate(file)
    gate.program.stop()
    elsewhere = bench.home / "elsewhere.toml"
    elsewhere.write_text(file.read_text().replace(f"{bench.home}/once", f"{bench.home}/elsewhere"))
    done = bench.enforcer("run", str(elsewhere))
    assert (done.code, done.out) == (2, "")
    assert re.fullmatch(r".*elsewhere\.toml:\d+: enrolment_code: is refused: .*\n", done.err)


def test_an_answer_that_was_lost_is_asked_for_again_with_the_same_key(bench: System) -> None:
    file = invite(bench, "lost")
    gate = bench.open_gate(file)
    gate.program.kill()
    data = bench.home / "lost"
    staged = {
        "code_sha256": (data / "enrolment.used").read_text().strip(),
        "key": (data / "enforcer.key").read_text().strip(),
        "policy_redis": (data / "redis.pass").read_text().strip(),
        "receipts_redis": (data / "broker.pass").read_text().strip(),
    }
    for name in ("enforcer.key", "redis.pass", "broker.pass", "server.hmac", "enrolment.used"):
        (data / name).unlink()
    (data / "enrolment.new").write_text(json.dumps(staged))
    (data / "enrolment.new").chmod(0o600)
    gate = bench.open_gate(file)
    assert (data / "enforcer.key").read_text().strip() == staged["key"]
    gate.program.stop()


def test_without_a_control_plane_it_ends_with_3_and_keeps_its_key_for_the_next_start(bench: System) -> None:
    file = invite(bench, "early")
    url = re.search(r'^\[control_plane\]\nurl = "(.*)"$', file.read_text(), re.MULTILINE)
    assert url is not None
    away = bench.home / "early-away.toml"
    away.write_text(file.read_text().replace(url.group(1), f"http://127.0.0.1:{free_port()}"))
    done = bench.enforcer("run", str(away))
    assert (done.code, done.out) == (3, "")
    key = json.loads((bench.home / "early" / "enrolment.new").read_text())["key"]
    gate = bench.open_gate(file)
    assert wait_for(lambda: (bench.home / "early" / "enforcer.key").read_text().strip(), "the key") == key
    gate.program.stop()


def test_new_credentials_come_the_same_way(bench: System) -> None:
    gate = bench.open_gate(invite(bench, "turned"))
    before = (bench.home / "turned" / "enforcer.key").read_text()
    gate.program.stop()
    gate = bench.open_gate(invite(bench, "turned", "--rotate"))
    assert (bench.home / "turned" / "enforcer.key").read_text() != before
    assert bench.caller("turned", bench.token("ada")).call("note", {"nonce": "turned"}).result
    gate.program.stop()
