"""Small files that are whole or not there."""

import os
import tempfile
from pathlib import Path

SECRET = 0o600
PUBLIC = 0o644


def write_whole(path: Path, text: str, *, mode: int = SECRET) -> None:
    """Write, sync, rename, sync the directory. Nobody but the owner can read it before it has its mode."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp makes it 0600
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def secret_directory(path: Path) -> None:
    """Make it with mode 0700; one that is there is narrowed to that."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
