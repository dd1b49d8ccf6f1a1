"""`enforcer kill`: stops the enforcer on this host, or lets it go again. Needs no control plane, Redis or network."""

import getpass
import os
import secrets
import socket
import sys
import time
from pathlib import Path

from enforcer.config import Config
from enforcer.contract.times import to_text
from enforcer.errors import ConfigurationError
from enforcer.link.local_stop import NAME, State, Stop, read_seen, read_stop, write_stop

LOOK_S = 0.005
LONGEST_REASON = 2000


def kill(config: Config, *, reason: str, lower: bool, timeout_s: float) -> int:
    """0 once the enforcer confirmed that nothing is in flight; 1 where none did in that time, and it holds still."""
    if not reason.strip() or len(reason) > LONGEST_REASON:
        raise ConfigurationError(
            f"command line:1: --reason: is empty or too long; write up to {LONGEST_REASON} letters"
        )
    there = read_stop(config.data_dir)
    if lower and there is None:
        return _say("it was not stopped on this host")
    state: State = "lowered" if lower else "raised"
    if there is not None and there.state == state and not lower:
        stop = there
    else:
        stop = Stop(_id(there, lower=lower), state, _operator(), reason, to_text(time.time()))
        _put(config.data_dir, stop)
    began = time.monotonic()
    while time.monotonic() - began < timeout_s:
        if _holds(config.data_dir, stop):
            return _say(f"{config.enforcer_id}  {(time.monotonic() - began) * 1e3:.1f} ms")
        time.sleep(LOOK_S)
    after = "starts stopped" if not lower else "starts again as policy says"
    sys.stdout.write(f"{config.enforcer_id}  no process answers; it {after}\n")
    return 1


def _id(there: Stop | None, *, lower: bool) -> str:
    """One id from raising to lowering."""
    return there.id if lower and there is not None else f"local-{secrets.token_hex(4)}"


def _holds(data_dir: Path, stop: Stop) -> bool:
    seen = read_seen(data_dir)
    if seen is not None and (seen.id, seen.state) == (stop.id, stop.state):
        return True
    return stop.state == "lowered" and read_stop(data_dir) is None


def _put(data_dir: Path, stop: Stop) -> None:
    try:
        write_stop(data_dir, stop)
    except OSError as problem:
        path = data_dir / NAME
        raise ConfigurationError(
            f"{path}:1: -: can't be written: {problem.strerror}; run it as the enforcer's user"
        ) from None


def _operator() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"os:{user}@{socket.gethostname()}"


def _say(line: str) -> int:
    sys.stdout.write(f"{line}\n")
    return 0
