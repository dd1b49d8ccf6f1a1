"""What a sandboxed process really can and can't do: each line is refused by the kernel, not by us."""

import json
import os
import shutil
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from enforcer.contract.levels import TrustLevel
from enforcer.sandbox.launch import Command, Host, launch_plan
from enforcer.sandbox.plan import LaunchPlan, SandboxPolicy
from enforcer.sandbox.probe import ProbeResult
from tests.enforcer.sandbox.conftest import Run


def test_the_workspace_is_read_and_written_at_its_own_path(run_python: Run, workspace: Path) -> None:
    done = run_python(f"print(open({str(workspace / 'file')!r}).read()); open('made', 'w').write('inside')")
    assert done.stdout == "the workspace file\n", done.stderr
    assert (workspace / "made").read_text() == "inside"


@pytest.mark.parametrize("name", ["data", "home"])
def test_data_dir_and_home_are_not_visible(run_python: Run, host: Host, name: str) -> None:
    secret = host.data_dir.parent / name / "file"
    done = run_python(f"open({str(secret)!r})")
    assert "FileNotFoundError" in done.stderr


def test_the_home_of_this_process_shows_nothing_but_the_interpreter_it_needs(run_python: Run) -> None:
    home = Path.home()
    (seen, prefix) = json.loads(
        run_python(
            "import json, os, sys;"
            f"print(json.dumps([[str(p) for p, d, f in os.walk({str(home)!r}) for _ in f], sys.base_prefix]))"
        ).stdout
    )
    assert all(folder.startswith(prefix) for folder in seen)


def test_data_dir_stays_hidden_where_the_policy_wants_no_isolation_of_the_disk(run_python: Run, host: Host) -> None:
    done = run_python(
        f"import os; print(os.listdir({str(host.data_dir)!r}), os.listdir({str(host.home)!r}))", fs="none"
    )
    assert done.stdout == "[] ['file']\n", done.stderr


def test_a_read_only_workspace_refuses_writes(run_python: Run, workspace: Path) -> None:
    done = run_python("print(open('file').read()); open('made', 'w')", fs="read_only")
    assert "the workspace file" in done.stdout
    assert "Read-only file system" in done.stderr
    assert not (workspace / "made").exists()


@pytest.mark.parametrize("target", ["/made", "/usr/made", "/etc/made", "/work-made"])
def test_a_write_outside_the_workspace_fails(run_python: Run, target: str) -> None:
    assert "OSError" in run_python(f"open({target!r}, 'w')").stderr
    assert not Path(target).exists()


def test_the_parent_of_the_workspace_can_not_be_written(run_python: Run, workspace: Path) -> None:
    run_python("open('../made', 'w')")
    assert not (workspace.parent / "made").exists()


def test_other_processes_are_not_visible(run_python: Run) -> None:
    seen = run_python("import os; print([p for p in os.listdir('/proc') if p.isdigit()])").stdout
    assert str(os.getpid()) not in seen
    assert len(json.loads(seen.replace("'", '"'))) <= 3


def test_no_capability_is_left_and_none_can_be_regained(run_python: Run) -> None:
    done = run_python(
        "import ctypes; print([l.split()[1] for l in open('/proc/self/status') if l.startswith('Cap')],"
        " ctypes.CDLL(None).unshare(0x10000000))"
    )
    assert done.stdout == f"{['0' * 16] * 5} -1\n"


@pytest.mark.parametrize("net", ["block_all", "allowlist"])
def test_a_listener_on_the_hosts_loopback_can_not_be_reached(run_python: Run, net: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        done = run_python(f"import socket; socket.create_connection(('127.0.0.1', {port}), 2)", net=net)
    assert "ConnectionRefusedError" in done.stderr


def test_there_is_no_way_out_to_a_public_address(run_python: Run) -> None:
    assert "unreachable" in run_python("import socket; socket.create_connection(('192.0.2.1', 80), 2)").stderr


def test_the_host_network_is_there_where_the_policy_wants_no_isolation_of_it(run_python: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        done = run_python(f"import socket; socket.create_connection(('127.0.0.1', {port}), 5)", net="none")
    assert done.returncode == 0, done.stderr


def test_the_environment_is_what_the_file_says_and_nothing_of_ours(
    run_python: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRAWBRIDGE_SECRET", "canary")
    done = run_python("import json, os; print(json.dumps(dict(os.environ)))", env={"REGION": "eu"})
    seen = json.loads(done.stdout)
    assert set(seen) == {"PATH", "LANG", "HOME", "PWD", "REGION"}
    assert seen["REGION"] == "eu"
    assert "canary" not in done.stdout


def test_a_secret_of_the_environment_is_in_no_argument_list(run_python: Run) -> None:
    done = run_python("import subprocess", env={"API_KEY": "canary"})
    assert not any("canary" in word for word in done.args)


def test_an_ordinary_user_gets_the_same_sandbox(working_bwrap: ProbeResult, host: Host, workspace: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can become somebody else; every other test here runs as an ordinary user")
    plan = launch_plan(
        Command(("sh", "-c", f"cat file {host.data_dir}/file; id -u; touch made")),
        workspace=workspace,
        trust=TrustLevel.UNKNOWN,
        policy=SandboxPolicy("workspace_only", "block_all"),
        host=replace(host, probe=working_bwrap),
    )
    assert isinstance(plan, LaunchPlan)
    _open_to_everybody(workspace)
    done = subprocess.run(
        plan.argv,
        check=False,
        env=plan.env,
        cwd="/",
        capture_output=True,
        text=True,
        timeout=30,
        user=65534,
        group=65534,
    )
    assert done.stdout == "the workspace file65534\n", done.stderr
    assert "No such file" in done.stderr
    assert (workspace / "made").stat().st_uid == 65534


def _open_to_everybody(folder: Path) -> None:
    folder.chmod(0o777)
    for parent in list(folder.parents)[:-1]:
        if parent.stat().st_uid == os.getuid() and not parent.stat().st_mode & 0o001:
            parent.chmod(0o711)


def test_a_server_of_a_virtual_environment_in_a_home_directory_starts(
    working_bwrap: ProbeResult, host: Host, workspace: Path
) -> None:
    venv = host.home / "tools" / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    script = venv / "bin" / "server"
    script.write_text(f"#!{venv}/bin/python\nimport sys; print(sys.prefix)")
    script.chmod(0o755)
    (host.home / "bin").mkdir()
    (host.home / "bin" / "server").symlink_to(script)
    plan = launch_plan(
        Command((str(host.home / "bin" / "server"),)),
        workspace=workspace,
        trust=TrustLevel.UNKNOWN,
        policy=SandboxPolicy("workspace_only", "block_all"),
        host=replace(host, probe=working_bwrap),
    )
    assert isinstance(plan, LaunchPlan)
    done = subprocess.run(plan.argv, check=False, env=plan.env, cwd="/", capture_output=True, text=True, timeout=30)
    assert done.stdout == f"{venv}\n", done.stderr


def test_a_data_dir_inside_the_tree_of_the_program_is_covered(
    working_bwrap: ProbeResult, host: Host, workspace: Path
) -> None:
    app = host.data_dir.parent / "app"
    for folder in ("bin", "lib", "var"):
        (app / folder).mkdir(parents=True)
    (app / "var" / "secret").write_text("canary")
    shutil.copy("/bin/ls", app / "bin" / "list")
    plan = launch_plan(
        Command((str(app / "bin" / "list"), str(app), str(app / "var"))),
        workspace=workspace,
        trust=TrustLevel.UNKNOWN,
        policy=SandboxPolicy("workspace_only", "block_all"),
        host=replace(host, probe=working_bwrap, data_dir=app / "var"),
    )
    assert isinstance(plan, LaunchPlan)
    done = subprocess.run(plan.argv, check=False, env=plan.env, cwd="/", capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert "secret" not in done.stdout
