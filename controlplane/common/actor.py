"""Who acts when a command is typed on the host: the operating-system user and the host."""

import getpass
import os
import socket


def host_operator() -> str:
    """`os:alice@host.example`; the user's number where it has no name."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"os:{user}@{socket.gethostname()}"
