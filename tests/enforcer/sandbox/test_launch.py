from dataclasses import replace
from pathlib import Path

import pytest

from enforcer.contract.levels import TrustLevel
from enforcer.sandbox.launch import Command, Host, conflict, launch_plan
from enforcer.sandbox.plan import FsPolicy, LaunchPlan, NetPolicy, Refusal, SandboxPolicy
from enforcer.sandbox.probe import ProbeResult

DEFAULT = SandboxPolicy("workspace_only", "allowlist")


def plan_for(
    host: Host,
    workspace: Path | None,
    *argv: str,
    trust: TrustLevel = TrustLevel.INTERNAL,
    policy: SandboxPolicy = DEFAULT,
    cwd: str = "",
) -> LaunchPlan | Refusal:
    return launch_plan(Command(argv or ("true",), cwd=cwd), workspace=workspace, trust=trust, policy=policy, host=host)


def test_workspace_and_data_dir_side_by_side_do_not_conflict(tmp_path: Path) -> None:
    assert conflict(tmp_path / "work", tmp_path / "data") is None
    assert conflict(tmp_path / "data-2", tmp_path / "data") is None


@pytest.mark.parametrize(
    ("workspace", "data_dir"),
    [("a", "a"), ("a", "a/b"), ("a/b", "a"), ("link", "a/b"), ("a/b", "link"), ("a/../a", "a")],
)
def test_one_inside_the_other_is_a_conflict_through_links_too(tmp_path: Path, workspace: str, data_dir: str) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "link").symlink_to("a")
    assert conflict(tmp_path / workspace, tmp_path / data_dir) is not None


@pytest.mark.parametrize("workspace", ["data", "data/inner", ".", "link"])
def test_a_workspace_that_touches_data_dir_is_refused(host: Host, tmp_path: Path, workspace: str) -> None:
    (tmp_path / "data" / "inner").mkdir()
    (tmp_path / "link").symlink_to("data")
    refused = plan_for(host, tmp_path / workspace)
    assert isinstance(refused, Refusal)
    assert "data_dir" in refused.reason


def test_the_home_directory_as_workspace_is_refused(host: Host) -> None:
    refused = plan_for(host, host.home)
    assert isinstance(refused, Refusal)
    assert "home directory" in refused.reason


def test_a_directory_in_home_is_a_good_workspace(host: Host) -> None:
    (host.home / "project").mkdir()
    assert isinstance(plan_for(host, host.home / "project"), LaunchPlan)


def test_a_workspace_that_is_missing_is_refused(host: Host, tmp_path: Path) -> None:
    assert isinstance(plan_for(host, tmp_path / "missing"), Refusal)


@pytest.mark.parametrize("argv", [("no-such-command",), ("bin/server",), ("/etc/passwd",), ("",)])
def test_a_command_that_can_not_run_is_refused(host: Host, workspace: Path, argv: tuple[str, ...]) -> None:
    assert isinstance(plan_for(host, workspace, *argv), Refusal)


def test_a_program_in_data_dir_is_refused(host: Host, workspace: Path) -> None:
    program = host.data_dir / "server"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    refused = plan_for(host, workspace, str(program))
    assert isinstance(refused, Refusal)
    assert "data_dir" in refused.reason


def test_a_cwd_that_the_sandbox_does_not_show_is_refused(host: Host, workspace: Path) -> None:
    assert isinstance(plan_for(host, workspace, cwd=str(host.home)), Refusal)
    assert isinstance(plan_for(host, workspace, cwd="relative"), Refusal)
    assert isinstance(plan_for(host, workspace, cwd=str(workspace)), LaunchPlan)


def test_a_server_without_workspace_starts_in_scratch_space(host: Host) -> None:
    plan = plan_for(host, None)
    assert isinstance(plan, LaunchPlan)
    assert plan.argv[plan.argv.index("--chdir") + 1] == "/tmp"


@pytest.mark.parametrize("trust", [level for level in TrustLevel if level is not TrustLevel.INTERNAL])
def test_without_bubblewrap_only_internal_servers_start(host: Host, workspace: Path, trust: TrustLevel) -> None:
    bare = replace(host, probe=ProbeResult("", "bwrap is not installed"))
    refused = plan_for(bare, workspace, trust=trust)
    assert isinstance(refused, Refusal)
    assert "bwrap is not installed" in refused.reason


def test_without_bubblewrap_the_plan_says_that_nothing_holds_and_warns(host: Host, workspace: Path) -> None:
    plan = plan_for(replace(host, probe=ProbeResult("", "bwrap is not installed")), workspace)
    assert isinstance(plan, LaunchPlan)
    assert (plan.fs_policy, plan.net_policy) == ("none", "none")
    assert plan.warning is not None
    assert "bwrap is not installed" in plan.warning
    assert plan.cwd == str(workspace)
    assert set(plan.env) == {"PATH", "LANG"}


@pytest.mark.parametrize(
    ("asked", "holds"),
    [
        (("workspace_only", "allowlist"), ("workspace_only", "block_all")),
        (("read_only", "block_all"), ("read_only", "block_all")),
        (("workspace_only", "none"), ("workspace_only", "none")),
        (("none", "block_all"), ("none", "block_all")),
    ],
)
def test_the_plan_names_the_isolation_that_really_holds(
    host: Host, workspace: Path, asked: tuple[FsPolicy, NetPolicy], holds: tuple[FsPolicy, NetPolicy]
) -> None:
    plan = plan_for(host, workspace, policy=SandboxPolicy(*asked))
    assert isinstance(plan, LaunchPlan)
    assert (plan.fs_policy, plan.net_policy) == holds
    assert ("--unshare-net" in plan.argv) == (holds[1] != "none")
    assert plan.warning is None
