from pathlib import Path

import pytest

from enforcer.sandbox.probe import ProbeResult, probe


def test_a_working_bubblewrap_is_found(working_bwrap: ProbeResult) -> None:
    assert working_bwrap.bwrap.endswith("bwrap")
    assert working_bwrap.reason == ""


def test_a_host_without_bubblewrap_is_told_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert probe() == ProbeResult("", "bwrap is not installed (package bubblewrap)")


def test_a_bubblewrap_that_the_kernel_stops_gives_its_own_reason_escaped(tmp_path: Path) -> None:
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\nprintf 'No permissions to create \\033[31mnamespace\\nmore' >&2\nexit 1\n")
    fake.chmod(0o755)
    result = probe(str(fake))
    assert not result.works
    assert result.reason == f"{fake} fails here: No permissions to create \\x1b[31mnamespace"


def test_a_bubblewrap_that_is_no_program_is_reported(tmp_path: Path) -> None:
    (tmp_path / "bwrap").write_text("text")
    assert "doesn't start" in probe(str(tmp_path / "bwrap")).reason
