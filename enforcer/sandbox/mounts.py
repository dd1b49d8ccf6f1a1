"""What of the disk a sandboxed server sees, as a set of mounts.

A hidden directory is covered by an empty one wherever a mount would show it. Parents come before children, so a mount
deeper down shows through its parent's cover.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["read_only", "read_write", "covered", "symlink", "scratch"]

_SYSTEM_DIRS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_SYSTEM_FILES = (
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/group",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/etc/passwd",
    "/etc/pki",
    "/etc/resolv.conf",
    "/etc/ssl",
    "/etc/timezone",
)


@dataclass(frozen=True, slots=True)
class Mount:
    """One path of the sandbox; `target` is what a symlink points at."""

    path: Path
    kind: Kind
    target: str = ""


def contains(outer: Path, inner: Path) -> bool:
    """True if `inner` is `outer` or lies below it; both absolute."""
    return inner.is_relative_to(outer)


def is_system(path: Path) -> bool:
    """True for what every sandbox sees anyway."""
    return any(contains(Path(root), path) for root in _SYSTEM_DIRS)


def system_mounts() -> list[Mount]:
    """Programs, libraries and the few files of /etc without which they don't start; only those that this host has."""
    found = [_as_on_host(Path(name)) for name in _SYSTEM_DIRS if Path(name).exists()]
    return found + [Mount(Path(name), "read_only") for name in _SYSTEM_FILES if Path(name).exists()]


def _as_on_host(path: Path) -> Mount:
    if path.is_symlink():
        return Mount(path, "symlink", str(path.readlink()))
    return Mount(path, "read_only")


def arrange(mounts: Iterable[Mount], hidden: Iterable[Path]) -> tuple[Mount, ...]:
    """Parents first; each hidden directory that a mount above it would show is covered. The last of a path wins."""
    by_path = {mount.path: mount for mount in mounts}
    shown = [mount.path for mount in by_path.values() if mount.kind in ("read_only", "read_write")]
    for path in hidden:
        if any(contains(root, path) for root in shown if root != path):
            by_path[path] = Mount(path, "covered")
    return tuple(sorted(by_path.values(), key=lambda mount: mount.path.parts))
