"""What a test needs of the machine: without it the test is skipped by name, and under `REQUIRE_ALL=1` it fails."""

import os
import shutil

import pytest

from enforcer.sandbox.probe import ProbeResult, probe


def need(there: bool, what: str) -> None:
    """Go on only where it is there."""
    if not there:
        stop = pytest.fail if os.environ.get("REQUIRE_ALL") == "1" else pytest.skip
        stop(f"needs {what}")


def need_program(name: str) -> None:
    """A program on the PATH; `make system` installs it."""
    need(shutil.which(name) is not None, f"{name}, which `make system` installs")


def need_bubblewrap() -> ProbeResult:
    """A bubblewrap that works here."""
    result = probe()
    need(result.works, f"bubblewrap: {result.reason}")
    return result
