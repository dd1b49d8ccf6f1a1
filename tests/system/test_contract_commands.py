"""How commands end when they are used wrongly, as CONTRACTS section 1 has it: exit code 2 and one line on stderr."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.system import BIN, ROOT


def run(program: list[str], home: Path, **env: str) -> tuple[int, str, str]:
    ended = subprocess.run(
        program,
        env={"PATH": os.environ["PATH"], "DRAWBRIDGE_DATA_DIR": str(home / "var"), **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return ended.returncode, ended.stdout, ended.stderr


def manage(home: Path, *words: str, **env: str) -> tuple[int, str, str]:
    return run([sys.executable, str(ROOT / "manage.py"), *words], home, **env)


def enforcer(home: Path, *words: str, **env: str) -> tuple[int, str, str]:
    return run([str(BIN / "enforcer"), *words], home, **env)


def is_one_line(said: str, start: str) -> bool:
    """`FILE:LINE: KEY: what is wrong; what would be right`, once."""
    return said.startswith(start) and said.count("\n") == 1 and said.endswith("\n") and "; " in said


@pytest.mark.parametrize(
    ("words", "start"),
    [
        (["frobnicate"], "command line:1: 'frobnicate': is no command; "),
        (["exprot"], "command line:1: 'exprot': is no command; "),
        (["apply"], "command line:1: -: the following arguments are required: file; "),
        (["apply", "absent.yaml"], "absent.yaml:1: file: No such file or directory; "),
        (["receipts", "export", "--settle", "x"], "command line:1: --settle: invalid float value: 'x'; "),
        (["up", "--port", "x"], "command line:1: --port: invalid int value: 'x'; "),
        (["up", "--port", "65536"], "command line:1: --port: 65536 is no port; "),
        (["up", "--data-dir", "/proc/nowhere"], "command line:1: --data-dir: /proc/nowhere can't be made, "),
        (["enroll", "gate", "--server", "s", "--upstream", "ftp://x"], "command line:1: --upstream: is no URL; "),
        (
            ["enroll", "gate", "--server", "s", "--upstream", "http://x/mcp"],
            "command line:1: --upstream: is plaintext ",
        ),
    ],
)
def test_a_wrong_command_of_the_control_plane_is_one_line_and_2(tmp_path: Path, words: list[str], start: str) -> None:
    code, out, err = manage(tmp_path, *words)
    assert (code, out) == (2, "")
    assert is_one_line(err, start), err


@pytest.mark.parametrize(
    ("words", "start"),
    [
        ([], "command line:1: -: the following arguments are required: COMMAND; "),
        (["frobnicate"], "command line:1: COMMAND: invalid choice: 'frobnicate'"),
        (["run", "absent.toml"], "absent.toml:1: -: can't be read, No such file or directory; "),
        (["run", "absent.toml", "--workers", "x"], "command line:1: --workers: invalid int value: 'x'; "),
        (["run", "absent.toml", "--workers", "65"], "command line:1: --workers: is out of range; "),
        (["check", "absent.toml", "--tool", "t"], "command line:1: -: one of the arguments --token --token-file "),
        (["stdio", "absent.toml"], "absent.toml:1: -: can't be read, No such file or directory; "),
        (["doctor", "absent.toml"], "absent.toml:1: -: can't be read, No such file or directory; "),
        (["kill", "gate.toml"], "command line:1: -: the following arguments are required: --reason"),
        (["verify", "absent.jsonl"], "command line:1: -: the following arguments are required: --key; "),
    ],
)
def test_a_wrong_command_of_the_enforcer_is_one_line_and_2(tmp_path: Path, words: list[str], start: str) -> None:
    code, out, err = enforcer(tmp_path, *words)
    assert (code, out) == (2, "")
    assert is_one_line(err, start), err


def test_an_unknown_variable_is_refused_by_both_programs(tmp_path: Path) -> None:
    for code, out, err in (
        manage(tmp_path, "receipts", "verify", DRAWBRIDGE_DATADIR="x"),
        enforcer(tmp_path, "run", "absent.toml", DRAWBRIDGE_DATADIR="x"),
    ):
        assert (code, out) == (2, "")
        assert is_one_line(err, "environment:1: DRAWBRIDGE_DATADIR: unknown variable; "), err


def test_a_database_that_is_no_url_is_refused_and_not_repeated(tmp_path: Path) -> None:
    code, out, err = manage(tmp_path, "receipts", "verify", DATABASE_URL="user:hunter2@db")
    assert (code, out) == (2, "")
    assert is_one_line(err, "environment:1: DATABASE_URL: is no URL of a database; "), err
    assert "hunter2" not in err


@pytest.mark.parametrize(
    "words",
    [
        ["apply", "policy.yaml"],
        ["enroll", "gate", "--server", "files"],
        ["issue_token", "ada"],
        ["kill", "raise", "all", "--reason", "x"],
        ["receipts", "export"],
        ["receipts", "verify"],
        ["receipts", "keys"],
    ],
)
def test_without_a_control_plane_every_command_ends_with_3_and_one_line(tmp_path: Path, words: list[str]) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text("version: 1\n")
    code, out, err = manage(tmp_path, *(str(file) if word == file.name else word for word in words))
    assert (code, out, err.count("\n")) == (3, "", 1), err
