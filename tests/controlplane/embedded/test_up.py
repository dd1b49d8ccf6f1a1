import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.processes import Program, free_port, wait_for

ROOT = Path(__file__).parents[3]
PARTS = ["valkey-policy", "valkey-receipts", "publisher", "web", "worker", "watch"]
pytestmark = pytest.mark.system


def environment(home: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return {**kept, "DRAWBRIDGE_DATA_DIR": str(home / "data")}


def up(home: Path, *args: str) -> Program:
    """Under a relative data directory, ready."""
    argv = [sys.executable, str(ROOT / "manage.py"), "up", "--data-dir", "data", "--no-demo", *args]
    program = Program(argv, log=home / "up.log", env=environment(home), cwd=home)
    try:
        program.line("ready: http://127.0.0.1:", timeout_s=90)
    except AssertionError:
        program.stop()
        raise
    return program


def manage(home: Path, *args: str) -> "subprocess.CompletedProcess[str]":
    argv = [sys.executable, str(ROOT / "manage.py"), *args]
    return subprocess.run(
        argv, env=environment(home), capture_output=True, text=True, timeout=60, check=False, cwd=home
    )


def descendants(pid: int) -> set[int]:
    found: set[int] = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rsplit(")", 1)[1].split()[:2]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(parent) == pid and state != "Z":
            child = int(stat.parent.name)
            found |= {child} | descendants(child)
    return found


def alive(pids: set[int]) -> set[int]:
    def lives(pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
        except (FileNotFoundError, ProcessLookupError):
            return False

    return {pid for pid in pids if lives(pid)}


def pid_of(program: Program, part: str) -> int:
    return int(re.findall(rf"^(?:re)?started {part} pid (\d+)$", program.output, re.MULTILINE)[-1])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("up")


@pytest.fixture(scope="module")
def running(home: Path) -> Iterator[Program]:
    program = up(home)
    yield program
    program.stop()


def test_it_names_its_parts_in_order_and_serves(running: Program) -> None:
    assert re.findall(r"^started (\S+) pid \d+$", running.output, re.MULTILINE) == PARTS
    url = running.line("ready: ").removeprefix("ready: ")
    with urllib.request.urlopen(url + "/healthz", timeout=10) as answer:
        assert answer.status == 200


def test_secrets_are_in_files_of_the_owner_and_in_no_command_line(running: Program, home: Path) -> None:
    data = home / "data"
    secrets = [data / name for name in ("redis-admin.url", "broker-admin.url", "broker-ingest.url", "secret.key")]
    assert {path.stat().st_mode & 0o777 for path in [*secrets, data / "web.url"]} == {0o600}
    assert data.stat().st_mode & 0o777 == 0o700
    words = [re.sub(r"redis://\w+:|@.*", "", path.read_text().strip()) for path in secrets]
    for pid in descendants(running.process.pid):
        line = Path(f"/proc/{pid}/cmdline").read_text()
        assert not any(word in line for word in words), line


def test_a_second_one_on_the_same_directory_is_refused_in_one_line(running: Program, home: Path) -> None:
    done = manage(home, "up", "--data-dir", "data")
    assert (done.returncode, done.stdout) == (2, "")
    assert "another `manage.py up` runs here" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("part", PARTS)
def test_a_crashed_part_comes_back_with_a_line_and_everything_works_again(
    running: Program, home: Path, part: str
) -> None:
    before = pid_of(running, part)
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: pid_of(running, part) != before, f"{part} restarted")
    assert f"restarted {part} pid {pid_of(running, part)}" in running.output.splitlines()
    wait_for(lambda: "chain verified" in manage(home, "receipts", "verify").stdout, "the database")
    url = running.line("ready: ").removeprefix("ready: ")
    wait_for(lambda: _answers(url), "the web")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url + "/healthz", timeout=5) as answer:
            return int(answer.status) == 200
    except OSError:
        return False


def test_a_port_that_is_none_is_wrong_use(tmp_path: Path) -> None:
    done = manage(tmp_path, "up", "--data-dir", "data", "--port", "70000")
    assert done.returncode == 2
    assert done.stderr.startswith("command line:1: --port: ")


def test_after_sigkill_nothing_is_left_and_after_sigterm_it_ends_well_on_the_same_ports(tmp_path: Path) -> None:
    port, redis_port = free_port(), free_port()
    program = up(tmp_path, "--port", str(port), "--redis-port", str(redis_port))
    started = descendants(program.process.pid)
    assert len(started) >= len(PARTS)
    program.kill()
    wait_for(lambda: not alive(started), "everything it started is gone", timeout_s=10)
    assert (tmp_path / "data/web.url").read_text().strip() == f"http://127.0.0.1:{port}"
    assert f":{redis_port}/" in (tmp_path / "data/redis-admin.url").read_text()
    addresses = [(tmp_path / "data" / name).read_text() for name in ("redis-admin.url", "broker-admin.url", "web.url")]

    (tmp_path / "up.log").unlink()
    program = up(tmp_path)
    started = descendants(program.process.pid)
    assert program.stop() == 0
    assert not alive(started)
    assert addresses == [
        (tmp_path / "data" / name).read_text() for name in ("redis-admin.url", "broker-admin.url", "web.url")
    ]
