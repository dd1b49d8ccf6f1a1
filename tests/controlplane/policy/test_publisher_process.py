"""`manage.py publisher` as a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

from controlplane.config.environment import ROOT
from enforcer.contract import redis_names
from tests.controlplane.valkeys import Valkey
from tests.support.processes import Program, wait_for

MANAGE = [sys.executable, ROOT / "manage.py"]


@pytest.fixture
def env(data_dir: Path, valkey: Valkey, broker: Valkey) -> dict[str, str]:
    """Of a process that has everything but a database."""
    return {
        "DRAWBRIDGE_DATA_DIR": str(data_dir),
        "REDIS_URL": valkey.url,
        "RECEIPTS_BROKER_URL": broker.url,
        "PYTHONUNBUFFERED": "1",
    }


def run(env: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*MANAGE, *words], env=env, capture_output=True, text=True, check=False, timeout=60)


def test_it_outlives_a_database_that_comes_late_and_ends_with_0_when_told_to(
    env: dict[str, str], data_dir: Path, valkey: Valkey
) -> None:
    program = Program([*MANAGE, "publisher"], log=data_dir / "log", env=env)
    try:
        wait_for(lambda: "database: 'OperationalError'" in program.output, "trouble with the database")
        assert not valkey.client.exists(redis_names.KEYS)
        assert run(env, "migrate", "--verbosity", "0").returncode == 0
        wait_for(lambda: valkey.client.exists(redis_names.KEYS), "the key list")
        program.process.terminate()
        assert program.process.wait(timeout=20) == 0
    finally:
        program.process.kill()
        program.process.wait()
    assert "Traceback" not in program.output


def test_without_redis_named_it_ends_with_2_and_one_line(data_dir: Path) -> None:
    ended = run({"DRAWBRIDGE_DATA_DIR": str(data_dir)}, "publisher")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("environment:1: REDIS_URL: is not set")
    assert len(ended.stderr.splitlines()) == 1


def test_with_a_damaged_key_it_ends_with_2_and_one_line(env: dict[str, str], data_dir: Path) -> None:
    (data_dir / "keys").mkdir(mode=0o700)
    (data_dir / "keys" / "root").touch(mode=0o600)
    (data_dir / "keys" / "root").write_text("nonsense")
    ended = run(env, "publisher")
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"{data_dir}/keys/root:1: root: is no key")
    assert len(ended.stderr.splitlines()) == 1
