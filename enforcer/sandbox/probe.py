"""Finds out whether bubblewrap works on this host by running it once; a kernel or container may forbid it."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from enforcer.sandbox.bubblewrap import View, wrap
from enforcer.sandbox.mounts import Mount, arrange, system_mounts

_TIMEOUT_S = 10.0
_REASON_CHARS = 200


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """`bwrap` is the path of a working one; empty: it can't run here, and `reason` says why."""

    bwrap: str
    reason: str = ""

    @property
    def works(self) -> bool:
        """True if servers can be sandboxed on this host."""
        return bool(self.bwrap)


def probe(bwrap: str | None = None) -> ProbeResult:
    """Run `bwrap` (default: the one on PATH) with all that a real launch uses. Blocks up to 10 s: call it at start."""
    program = bwrap or shutil.which("bwrap")
    if program is None:
        return ProbeResult("", "bwrap is not installed (package bubblewrap)")
    view = View(arrange([*system_mounts(), Mount(Path("/tmp"), "scratch")], []), Path("/"), network=False)  # noqa: S108
    try:
        done = subprocess.run(wrap(program, view, ["true"]), capture_output=True, timeout=_TIMEOUT_S, check=False)
    except OSError as error:
        return ProbeResult("", f"{program} doesn't start: {error.strerror}")
    except subprocess.TimeoutExpired:
        return ProbeResult("", f"{program} took longer than {_TIMEOUT_S:.0f} s")
    if done.returncode:
        return ProbeResult("", f"{program} fails here: {_first_line(done.stderr)}")
    return ProbeResult(program)


def _first_line(stderr: bytes) -> str:
    line = stderr.strip().split(b"\n", 1)[0]
    return line.decode("latin-1").encode("unicode_escape").decode("ascii")[:_REASON_CHARS]
