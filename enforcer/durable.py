"""Small files that have to survive a crash: the old one or the new one, never half of one."""

import os
from contextlib import suppress
from pathlib import Path


def write(path: Path, raw: bytes) -> None:
    """Durable when it returns; raises `OSError`, and then the old file is still there."""
    fresh = path.with_name(path.name + ".tmp")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)
    sync_directory(path.parent)


def remove(path: Path) -> None:
    """Durable when it returns; raises `OSError` where it is still there."""
    with suppress(FileNotFoundError):
        path.unlink()
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """So that a rename is on the disk; raises `OSError`."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
