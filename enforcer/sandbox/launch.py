"""From a command and a policy to what is really started, or why nothing is (DESIGN section 2, requirement 8).

Read here, once, at start: the disk (which directories the command needs). Nothing is written and nothing runs.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from enforcer.contract.levels import TrustLevel
from enforcer.sandbox.bubblewrap import View, wrap
from enforcer.sandbox.mounts import Kind, Mount, arrange, contains, is_system, system_mounts
from enforcer.sandbox.plan import LaunchPlan, Refusal, SandboxPolicy
from enforcer.sandbox.probe import ProbeResult
from enforcer.sandbox.program import Program, find_program

_PATH = "/usr/local/bin:/usr/bin:/bin"
_SCRATCH = Path("/tmp")  # noqa: S108 - the sandbox's own


@dataclass(frozen=True, slots=True)
class Host:
    """What this host has: where bubblewrap is, what no server may see, where bare command names are looked up."""

    probe: ProbeResult
    data_dir: Path
    home: Path
    path: str = field(default_factory=lambda: os.environ.get("PATH", _PATH))


@dataclass(frozen=True, slots=True)
class Command:
    """What the operator's file says about a stdio server; empty `cwd`: the workspace."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str = ""


def conflict(workspace: Path, data_dir: Path) -> str | None:
    """Why these two can't be used together, symlinks followed; None if they can."""
    work, data = workspace.resolve(), data_dir.resolve()
    if contains(data, work):
        return f"the workspace {workspace} lies in the enforcer's data_dir {data_dir}"
    if contains(work, data):
        return f"the workspace {workspace} contains the enforcer's data_dir {data_dir}"
    return None


def launch_plan(
    command: Command, *, workspace: Path | None, trust: TrustLevel, policy: SandboxPolicy, host: Host
) -> LaunchPlan | Refusal:
    """How to start `command` under `policy`; where the sandbox can't run, only servers of trust `internal` start."""
    refused = _bad_directories(workspace, command.cwd, host)
    if refused:
        return refused
    cwd = Path(command.cwd) if command.cwd else workspace or _SCRATCH
    program = find_program(command.argv, path=host.path, cwd=cwd, home=host.home.resolve())
    if isinstance(program, Refusal):
        return program
    if not host.probe.works:
        return _unsandboxed(command, program, cwd, trust, host.probe)
    return _sandboxed(command, program, cwd, workspace, policy, host)


def _bad_directories(workspace: Path | None, cwd: str, host: Host) -> Refusal | None:
    if cwd and not Path(cwd).is_absolute():
        return Refusal(f"cwd {cwd!r} is not an absolute path")
    if workspace is None:
        return None
    if not workspace.is_absolute() or not workspace.is_dir():
        return Refusal(f"the workspace {workspace} is not an existing directory")
    clash = conflict(workspace, host.data_dir)
    if clash:
        return Refusal(clash)
    if contains(workspace.resolve(), host.home.resolve()):
        return Refusal(f"the workspace {workspace} contains the home directory {host.home}; name a directory below it")
    return None


def _hidden(host: Host, policy: SandboxPolicy) -> list[Path]:
    """Directories that no mount may show: data_dir always, home unless the policy wants no isolation of the disk."""
    home = host.home.resolve()
    shown = policy.fs == "none" or home == Path("/") or not home.is_dir()
    return [host.data_dir.resolve()] if shown else [host.data_dir.resolve(), home]


def _unsandboxed(
    command: Command, program: Program, cwd: Path, trust: TrustLevel, probe: ProbeResult
) -> LaunchPlan | Refusal:
    if trust is not TrustLevel.INTERNAL:
        return Refusal(
            f"no sandbox on this host ({probe.reason}), and only servers of trust internal start without one"
        )
    return LaunchPlan(
        argv=program.argv,
        env=_environment(command, program, home=""),
        cwd=str(cwd),
        fs_policy="none",
        net_policy="none",
        warning=f"started without a sandbox: {probe.reason}",
    )


def _sandboxed(
    command: Command, program: Program, cwd: Path, workspace: Path | None, policy: SandboxPolicy, host: Host
) -> LaunchPlan | Refusal:
    mounts = _mounts(program, workspace, policy)
    exposed = next((mount.path for mount in mounts if contains(host.data_dir.resolve(), mount.path.resolve())), None)
    if exposed:
        return Refusal(f"the command needs {exposed}, which lies in the enforcer's data_dir")
    if policy.fs != "none" and not _visible(cwd, mounts):
        return Refusal(f"cwd {cwd} is not visible inside the sandbox; use the workspace or a directory in it")
    view = View(_arranged(mounts, policy, host), cwd, network=policy.net == "none", whole_disk=policy.fs == "none")
    return LaunchPlan(
        argv=wrap(host.probe.bwrap, view, program.argv),
        env=_environment(command, program, home="" if policy.fs == "none" else str(_SCRATCH)),
        cwd="/",
        fs_policy=policy.fs,
        net_policy="none" if policy.net == "none" else "block_all",
    )


def _mounts(program: Program, workspace: Path | None, policy: SandboxPolicy) -> list[Mount]:
    if policy.fs == "none":
        return []
    kind: Kind = "read_only" if policy.fs == "read_only" else "read_write"
    mounts = [*system_mounts(), Mount(_SCRATCH, "scratch")]
    mounts += [Mount(root, "read_only") for root in program.roots]
    # Both names of a workspace that is reached by a link: the gate resolves paths, the server may not.
    names = {workspace, workspace.resolve()} if workspace else set()
    return mounts + [Mount(path, kind) for path in names]


def _arranged(mounts: list[Mount], policy: SandboxPolicy, host: Host) -> tuple[Mount, ...]:
    if policy.fs == "none":
        return tuple(Mount(path, "covered") for path in _hidden(host, policy))
    return arrange(mounts, _hidden(host, policy))


def _visible(cwd: Path, mounts: list[Mount]) -> bool:
    shown = (mount.path for mount in mounts if mount.kind in ("read_only", "read_write"))
    return cwd == _SCRATCH or is_system(cwd) or any(contains(path, cwd) for path in shown)


def _environment(command: Command, program: Program, *, home: str) -> dict[str, str]:
    """Nothing of our own environment: PATH and LANG (and a scratch HOME in the sandbox), then what the file says."""
    clean = {"PATH": ":".join([*program.bin_dirs, _PATH]), "LANG": "C.UTF-8"}
    if home:
        clean["HOME"] = home
    return clean | dict(command.env)
