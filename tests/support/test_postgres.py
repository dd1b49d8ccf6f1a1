"""The PostgreSQL of the tests leaves nothing behind, whatever becomes of the command beside it."""

import os
import shutil
import signal
import sys
from pathlib import Path

import psycopg
import pytest

from tests.support.processes import Program, wait_for

ROOT = Path(__file__).parents[2]


def beside_a_server(home: Path, script: str) -> Program:
    argv = [sys.executable, "-m", "tests.support.postgres", "sh", "-c", f'echo "url $DATABASE_URL"; {script}']
    return Program(argv, log=home / "log", env=dict(os.environ), cwd=ROOT)


def directory(url: str) -> Path:
    return Path(url.partition("host=")[2])


def refuses(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return True
    return False


@pytest.mark.parametrize(("script", "code"), [("true", 0), ("exit 3", 3)])
def test_the_exit_code_is_the_commands_and_the_server_is_gone(tmp_path: Path, script: str, code: int) -> None:
    program = beside_a_server(tmp_path, script)
    assert program.process.wait(60) == code
    url = program.line("url ").removeprefix("url ")
    assert refuses(url)
    assert not directory(url).exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_run_ends_its_server(tmp_path: Path, number: signal.Signals) -> None:
    program = beside_a_server(tmp_path, "exec sleep 20")
    url = program.line("url ").removeprefix("url ")
    assert not refuses(url)
    os.killpg(program.process.pid, number)  # the server is in a session of its own
    program.process.wait(60)
    wait_for(lambda: refuses(url) and not (directory(url) / "postmaster.pid").exists(), "the server's end")
    shutil.rmtree(directory(url).parent, ignore_errors=True)  # after SIGKILL nobody else does
