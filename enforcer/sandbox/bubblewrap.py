"""The argument list of `bwrap` (bubblewrap 0.8 and newer). Pure: reads nothing, starts nothing.

The environment is not set here: arguments are world-readable in /proc, so the launcher hands `bwrap` exactly the clean
environment that the server gets.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from enforcer.sandbox.mounts import Mount

# As root `bwrap` keeps every capability unless told otherwise; nested user namespaces would bring them back.
ISOLATION = (
    "--unshare-user",
    "--unshare-pid",
    "--unshare-ipc",
    "--unshare-uts",
    "--unshare-cgroup-try",
    "--disable-userns",
    "--cap-drop", "ALL",
    "--die-with-parent",
    "--new-session",
)  # fmt: skip
_SCRATCH_BYTES = str(256 * 1024 * 1024)


@dataclass(frozen=True, slots=True)
class View:
    """What the server sees. `mounts` as `arrange` returns them."""

    mounts: tuple[Mount, ...]
    cwd: Path
    network: bool
    whole_disk: bool = False


def wrap(bwrap: str, view: View, command: Sequence[str]) -> tuple[str, ...]:
    """`command` inside the sandbox that `view` describes."""
    options: list[str] = [*ISOLATION]
    if not view.network:
        options.append("--unshare-net")
    if view.whole_disk:
        options += ["--bind", "/", "/"]
    options += ["--proc", "/proc", "--dev", "/dev"]
    for mount in view.mounts:
        options += _mount(mount)
    options += _frozen(view)
    return (bwrap, *options, "--chdir", str(view.cwd), "--", *command)


def _mount(mount: Mount) -> list[str]:
    path = str(mount.path)
    match mount.kind:
        case "read_only":
            return ["--ro-bind", path, path]
        case "read_write":
            return ["--bind", path, path]
        case "symlink":
            return ["--symlink", mount.target, path]
        case "scratch" | "covered":
            return ["--size", _SCRATCH_BYTES, "--tmpfs", path]


def _frozen(view: View) -> list[str]:
    """Nothing but workspace and scratch is writable: not even the empty directories that hold the mounts."""
    paths = [str(mount.path) for mount in view.mounts if mount.kind == "covered"]
    if not view.whole_disk:
        paths.append("/")
    return [word for path in paths for word in ("--remount-ro", path)]
