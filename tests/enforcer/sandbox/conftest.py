"""Hosts and launches for the sandbox tests. Without a working bubblewrap they skip; `REQUIRE_ALL=1` forbids that."""

import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from enforcer.contract.levels import TrustLevel
from enforcer.sandbox.launch import Command, Host, launch_plan
from enforcer.sandbox.plan import FsPolicy, LaunchPlan, NetPolicy, SandboxPolicy
from enforcer.sandbox.probe import ProbeResult
from tests.support.needs import need_bubblewrap

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def working_bwrap() -> ProbeResult:
    """The probe of this host, where bubblewrap works."""
    return need_bubblewrap()


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A host whose data_dir and home hold a secret each, and where bubblewrap is taken to work."""
    for name in ("data", "home", "workspace"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(f"the {name} file")
    return Host(ProbeResult("/usr/bin/bwrap"), tmp_path / "data", tmp_path / "home")


@pytest.fixture
def workspace(host: Host) -> Path:
    """The server's directory, beside data_dir and home."""
    return host.data_dir.parent / "workspace"


@pytest.fixture
def run(working_bwrap: ProbeResult, host: Host, workspace: Path) -> Run:
    """Run a command as a server would be run, and wait for it."""

    def launch(
        *argv: str, fs: FsPolicy = "workspace_only", net: NetPolicy = "block_all", env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        plan = launch_plan(
            Command(argv, env or {}),
            workspace=workspace,
            trust=TrustLevel.COMMUNITY,
            policy=SandboxPolicy(fs, net),
            host=replace(host, probe=working_bwrap),
        )
        assert isinstance(plan, LaunchPlan), plan
        return subprocess.run(
            plan.argv, check=False, env=plan.env, cwd=plan.cwd, capture_output=True, text=True, timeout=30
        )

    return launch


@pytest.fixture
def run_python(run: Run) -> Run:
    """Run a line of Python, by the interpreter of these tests, inside."""

    def launch(
        code: str,
        *,
        fs: FsPolicy = "workspace_only",
        net: NetPolicy = "block_all",
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        return run(sys.executable, "-c", code, fs=fs, net=net, env=env)

    return launch
