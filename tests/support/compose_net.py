"""One network namespace with nothing but loopback, for all services of a test: every port in it is free.

`python -m tests.support.compose_net` holds it; the user in it is root over it and over nothing else.
"""

import ctypes
import fcntl
import signal
import socket
import struct
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.support.processes import Program

PR_SET_PDEATHSIG = 1
SIOCSIFFLAGS, UP_AND_RUNNING = 0x8914, 0x1 | 0x40


class Network:
    """Started at once; `into` says how a program gets in."""

    def __init__(self, home: Path, env: Mapping[str, str]) -> None:
        hold = ["unshare", "--user", "--map-root-user", "--net", sys.executable, "-m", "tests.support.compose_net"]
        self._holder = Program(hold, log=home / "network.log", env=env, cwd=Path(__file__).parents[2])
        self._holder.line("up")

    @property
    def into(self) -> list[str]:
        """What stands before a command."""
        pid = str(self._holder.process.pid)
        return ["nsenter", "--target", pid, "--user", "--net", "--preserve-credentials"]

    def close(self) -> None:
        """Once everything in it has ended."""
        self._holder.stop()


def end_with_parent() -> None:
    """Nothing in here outlives the test."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def hold() -> None:
    """Bring loopback up, say so, wait for the end."""
    end_with_parent()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh", b"lo", UP_AND_RUNNING))
    sys.stdout.write("up\n")
    sys.stdout.flush()
    signal.sigwait([signal.SIGTERM, signal.SIGINT])


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGINT])
    hold()
