"""One `up` a data directory."""

import fcntl
import os
from pathlib import Path


def lock(path: Path) -> int | None:
    """Hold the file locked until this process ends; nothing where another holds it."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle
