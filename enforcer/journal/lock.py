"""One journal, one process: a second one would fork the chain (RELIABILITY F22)."""

import contextlib
import fcntl
import os
from pathlib import Path

from enforcer.errors import ConfigurationError

NAME = "journal.lock"


class DirectoryLock:
    """Held from `take` to `release`; the kernel drops it when the process dies. `first`: nobody was here before."""

    def __init__(self, descriptor: int, *, first: bool) -> None:
        self._descriptor: int | None = descriptor
        self.first = first

    @classmethod
    def take(cls, directory: Path) -> "DirectoryLock":
        """Raises `ConfigurationError` if another process holds it or the directory can't be written."""
        path = directory / NAME
        first = not path.exists()
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigurationError(
                f"{path}: data_dir: can't be opened: {error.strerror}; name a directory that this user may write"
            ) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise ConfigurationError(
                f"{path}: data_dir: is in use by process {holder or 'unknown'}; give every enforcer its own data_dir"
            ) from None
        with contextlib.suppress(OSError):  # a full disk: the lock holds without the name of its holder
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        return cls(descriptor, first=first)

    def release(self) -> None:
        """The file stays: removing it would let two processes lock two files of one name."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)
