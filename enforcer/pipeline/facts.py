"""What the disk says of paths, for `decide`."""

import os
from pathlib import Path

from enforcer.policy.preflight import Real


def disk_view(workspace: str | None) -> Real | None:
    """How links are followed; nothing where this host lacks the workspace, so that paths are decided by their text."""
    if workspace is None or not Path(workspace).is_dir():
        return None
    return real_path


def real_path(path: str) -> str | None:
    """The path with the links of its longest existing part followed; nothing on a loop or where that can't be seen."""
    missing: list[str] = []
    while True:
        try:
            return str(Path(os.path.realpath(path, strict=True), *reversed(missing)))
        except FileNotFoundError:
            path, name = os.path.split(path)
        except (OSError, ValueError):
            return None
        if name in ("", ".", "..") or os.path.islink(os.path.join(path, name)):  # noqa: PTH114, PTH118 - thousands of parts
            return None  # a link to nothing: what will be there is not known
        missing.append(name)
