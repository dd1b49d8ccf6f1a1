"""Becomes a server's process: `python -I -S _launcher.py PARENT_PID COMMAND…`.

Runs between fork and exec in place of a `preexec_fn`, which is not safe once the enforcer has threads. Limits apply to
the server and all its children; the death signal reaches the server itself (the sandbox adds `--die-with-parent`).
"""

import ctypes
import os
import resource
import signal
import sys

_PR_SET_PDEATHSIG = 1
_OPEN_FILES = 1024
_DESCRIPTORS = 1 << 20  # Linux gives no higher ones


def main() -> None:
    """Set the limits, tie this process to its parent, exec; 127 if the command can't be executed."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    os.closerange(3, _DESCRIPTORS)  # uvloop lets every inheritable one through
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    limit = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    for ignored_by_python in (signal.SIGPIPE, signal.SIGXFSZ):  # exec would hand that on
        signal.signal(ignored_by_python, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the signal was asked for
        sys.exit(1)
    try:
        os.execvpe(command[0], command, os.environ)  # noqa: S606 - no shell is the point
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        sys.exit(127)


if __name__ == "__main__":
    main()
