"""A container without an engine: bubblewrap with the root, user, mounts and environment that docker-compose.yml and the
Dockerfile say.

What is the same: the paths; the read-only root; user 999, without capabilities or a way to new ones; which volumes are
there, and which can't be written; that a new volume takes owner and mode of the image's directory, or else is root's;
no new user namespaces, as under Docker's default seccomp profile, so that no sandbox starts inside.
What isn't: the base images' own files (this machine's /usr stands in), and separate networks, pids and memory.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tests.support.compose_file import Mount, Service
from tests.support.compose_image import ROOT, Copy, Image, ignored
from tests.support.processes import Program, wait_for

FOREIGN = {"/var/lib/postgresql": 0o1777, "/data": 0o755}  # of the images of PostgreSQL and Valkey, both for 999
STATIC_FILES = "/app/staticfiles"
PASSWD = "root:x:0:0::/root:/bin/sh\ndrawbridge:x:999:999::/tmp:/bin/sh\n"


class Disk:
    """The named volumes, the links that stand in for installed packages, and what every container gets to see."""

    def __init__(self, home: Path, packages: Mapping[str, Path], hosts: Sequence[str]) -> None:
        self.home, self.packages = home, packages
        self._shown = [Path(sys.base_prefix), *(Path(p).resolve() for p in sys.path if p.endswith("site-packages"))]
        (home / "passwd").write_text(PASSWD)
        (home / "group").write_text("root:x:0:\ndrawbridge:x:999:\n")
        (home / "hosts").write_text("".join(f"127.0.0.1 {name}\n" for name in ("localhost", *hosts)))

    @property
    def static_files(self) -> Path:
        """What the build of the image has collected."""
        return self.home / "staticfiles"

    def volume(self, name: str) -> Path:
        """Where this machine keeps it."""
        return self.home / "volumes" / name

    def again(self, places: Iterable[str]) -> list[str]:
        """What the environment links to, where scratch space was laid over it: a checkout below /tmp, say."""
        hidden = (path for path in self._shown if any(path.is_relative_to(place) for place in places))
        return [word for path in hidden for word in ("--ro-bind", str(path), str(path))]

    def root(self) -> list[str]:
        """bubblewrap's options for the root that the base image would be."""
        options = ["--ro-bind", "/usr", "/usr", "--ro-bind", "/etc", "/etc"]
        for name in ("passwd", "group", "hosts"):
            options += ["--ro-bind", str(self.home / name), f"/etc/{name}"]
        for path in map(Path, ("/bin", "/sbin", "/lib", "/lib64")):
            options += ["--symlink", str(path.readlink()), str(path)] if path.is_symlink() else []
        for path in self._shown:
            options += ["--ro-bind", str(path), str(path)]
        return [*options, "--proc", "/proc", "--dev", "/dev"]


class Box:
    """One service: its command, or another one beside it under the same conditions."""

    def __init__(self, service: Service, disk: Disk, into_network: Sequence[str]) -> None:
        self.service, self._disk, self._into = service, disk, list(into_network)
        self.image = Image(service.target) if service.target else None
        self.log = disk.home / f"{service.name}.log"
        for mount in service.mounts:
            self._create(mount)

    def start(self, command: Sequence[str] | None = None) -> "Running":
        """The service itself, or what stands in for it."""
        status = self._disk.home / f"{self.service.name}.status"
        status.unlink(missing_ok=True)
        argv = ["sh", "-c", 'exec "$@" 3> "$0"', str(status), *self._into, *self._boxed("--json-status-fd", "3")]
        return Running(Program([*argv, *(command or self._command())], log=self.log, env={}), status)

    def run(self, command: Sequence[str] | None = None, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """To its end; `docker compose run` and `exec`."""
        argv = [*self._into, *self._boxed(), *(command or self._command())]
        return subprocess.run(argv, env={}, input=stdin, capture_output=True, text=True, timeout=180, check=False)

    def manage(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """`docker compose run --rm manage WORDS…`."""
        assert self.service.entrypoint is not None
        return self.run([*self.service.entrypoint, *words], stdin)

    def build(self) -> "Running":
        """The one step of the Dockerfile that makes files of our own, run as the build would."""
        assert self.image is not None
        self._disk.static_files.mkdir()
        return self.start(["sh", "-c", self.image.collects_static_files])

    def _command(self) -> list[str]:
        assert self.image is not None
        entry = self.image.entrypoint if self.service.entrypoint is None else self.service.entrypoint
        return [*entry, *(self.service.command or self.image.command)]

    def _boxed(self, *more: str) -> list[str]:
        assert self.service.raw["user"] == "999:999"
        assert self.service.raw["read_only"] is True
        alone = ["--unshare-user", "--disable-userns", "--uid", "999", "--gid", "999", "--cap-drop", "ALL"]
        options = [
            *alone,
            "--unshare-ipc",
            "--new-session",
            "--die-with-parent",
            *more,
            *self._disk.root(),
            *self._content(),
            *self._places(),
        ]
        options += ["--chdir", self.image.workdir if self.image else "/"]
        for name, value in self._environment().items():
            options += ["--setenv", name, value]
        return ["bwrap", "--clearenv", *options, "--remount-ro", "/", "--"]

    def _environment(self) -> dict[str, str]:
        return (self.image.environment if self.image else {"PATH": "/usr/bin:/bin"}) | self.service.environment

    def _content(self) -> list[str]:
        """What the Dockerfile copies."""
        options: list[str] = []
        for copy in self.image.copies if self.image else []:
            options += self._packages(copy) if copy.stage else _copied(copy)
        if self.image and self.image.collects_static_files:
            built = (self._disk.static_files / "staticfiles.json").exists()
            options += ["--ro-bind" if built else "--bind", str(self._disk.static_files), STATIC_FILES]
        return options

    def _packages(self, copy: Copy) -> list[str]:
        return ["--ro-bind", str(self._disk.packages[copy.stage]), copy.target]

    def _places(self) -> list[str]:
        """Volumes and scratch space; the latter a directory of this machine, so that a health check sees it too."""
        options: list[str] = []
        for path in self.service.tmpfs:
            scratch = self._disk.home / "scratch" / self.service.name / path.strip("/").replace("/", "-")
            scratch.mkdir(parents=True, exist_ok=True)
            options += ["--bind", str(scratch), path]
        options += self._disk.again(self.service.tmpfs)
        for mount in self.service.mounts:
            options += [
                "--ro-bind" if mount.read_only else "--bind",
                str(self._disk.volume(mount.volume)),
                mount.target,
            ]
        return options

    def _create(self, mount: Mount) -> None:
        """Only an empty volume takes over what the image has at the place of the mount."""
        path = self._disk.volume(mount.volume)
        path.mkdir(parents=True, exist_ok=True)
        mode = (self.image.directories if self.image else FOREIGN).get(mount.target)
        if mode is not None and not any(path.iterdir()):
            path.chmod(mode)
            (path.parent / f"{mount.volume}.owned").touch()
        assert mount.read_only or (path.parent / f"{mount.volume}.owned").exists(), f"{mount} would be root's"


class Running:
    """A service's process."""

    def __init__(self, program: Program, status: Path) -> None:
        self.program = program
        self.pid = int(wait_for(lambda: _child(status) or program.process.poll(), f"a start: {program.log}"))

    def stop(self, timeout_s: float = 30, number: signal.Signals = signal.SIGTERM) -> int:
        """The stop signal to the process itself, not to bubblewrap; its exit code."""
        if self.program.process.poll() is None:
            os.kill(self.pid, number)
            self.program.process.wait(timeout_s)
        return int(self.program.process.returncode)

    def kill(self) -> None:
        """Whatever is still there."""
        self.program.kill()


def _child(status: Path) -> int | None:
    lines = status.read_text().splitlines() if status.exists() else []
    return int(json.loads(lines[0])["child-pid"]) if lines else None


def _copied(copy: Copy) -> list[str]:
    options: list[str] = []
    for source in copy.sources:
        path = ROOT / source
        target = copy.target.rstrip("/") if path.is_dir() else f"{copy.target.rstrip('/')}/{path.name}"
        options += ["--ro-bind", str(path), target]
        for kept_out in (one for one in path.rglob("*") if one.is_dir() and ignored(str(one.relative_to(ROOT)))):
            if kept_out.name != "__pycache__":
                options += ["--tmpfs", f"{target}/{kept_out.relative_to(path)}"]
    return options
