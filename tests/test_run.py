"""`tests/run` says what came out: one failed round fails the run, and nothing else does."""

import os
import subprocess
from pathlib import Path

import pytest

RUN = Path(__file__).with_name("run")
TOOLS = ("ruff", "mypy", "lint-imports", "python")
ROUNDS = (
    "-m pytest --ignore",
    "-m tests.support.postgres",
    "-m pytest tests/conformance",
    "-m pytest tests/browser",
    "manage.py",
)


def run(tmp_path: Path, failing: str) -> int:
    """Run the script with tools that only say whether they pass: all do but the one whose arguments begin so.

    Returns:
        the script's exit status
    """
    for name in TOOLS:
        tool = tmp_path / name
        tool.write_text(f'#!/bin/sh\ncase "$*" in "{failing}"*) exit 3;; esac\n')
        tool.chmod(0o755)
    return subprocess.run([RUN], env=os.environ | {"BIN": str(tmp_path)}, timeout=60, check=False).returncode


def test_a_run_in_which_all_passes_succeeds(tmp_path: Path) -> None:
    assert run(tmp_path, "nothing begins like this") == 0


@pytest.mark.parametrize("failing", ROUNDS)
def test_one_failed_round_fails_the_run(tmp_path: Path, failing: str) -> None:
    assert run(tmp_path, failing) == 3
