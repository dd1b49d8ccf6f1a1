"""A whole Drawbridge for a test: control plane, gates and upstreams as real processes in a directory of their own."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema_rs

from enforcer.contract.receipt_schema import receipt_schema
from tests.support.caller import Caller
from tests.support.migrated import migrate
from tests.support.processes import Program, free_port, wait_for

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class Done:
    """A command that ended."""

    code: int
    out: str
    err: str


@dataclass(slots=True)
class Gate:
    """A running enforcer."""

    file: Path
    data: Path
    program: Program
    url: str


RECEIPT = jsonschema_rs.Draft202012Validator(receipt_schema())


@dataclass(slots=True)
class System:
    """The control plane and what was started beside it."""

    home: Path
    up: Program | None = None
    gates: dict[str, Gate] = field(default_factory=dict)
    upstreams: list[Program] = field(default_factory=list)
    more_env: Mapping[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        """The control plane's data directory."""
        return self.home / "data"

    @property
    def env(self) -> dict[str, str]:
        """Nothing of the caller's but what programs need to start."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        return {**kept, "DRAWBRIDGE_DATA_DIR": str(self.data), **self.more_env}

    def start(self) -> None:
        """`manage.py up` until it serves."""
        if "DATABASE_URL" not in self.more_env:
            migrate(self.data)
        before = sum(1 for _ in self.home.glob("up*.log"))  # a log of its own: in an old one it is ready already
        log = self.home / (f"up-{before}.log" if before else "up.log")
        self.up = Program([sys.executable, ROOT / "manage.py", "up", "--data-dir", self.data], log=log, env=self.env)
        self.up.line("ready: ", timeout_s=90)

    def part(self, name: str) -> int:
        """The process id of a part of the control plane."""
        assert self.up is not None
        found = re.findall(rf"^(?:re)?started {name} pid (\d+)", self.up.output, re.MULTILINE)
        assert found, f"{name} is not in {self.up.output}"
        return int(found[-1])

    def halt(self, name: str) -> int:
        """SIGSTOP for a part, whose process id it returns: between two transactions.

        On SQLite one that stands still within a transaction keeps everybody from writing.
        """
        pid = self.part(name)
        wait_for(lambda: self._halted(pid), f"{name} to stand still and hold no lock")
        return pid

    def _halted(self, pid: int) -> bool:
        os.kill(pid, signal.SIGSTOP)
        database = sqlite3.connect(self.data / "db.sqlite3", timeout=0.3, isolation_level=None)
        try:
            database.execute("BEGIN IMMEDIATE")
            database.execute("ROLLBACK")
        except sqlite3.OperationalError:
            os.kill(pid, signal.SIGCONT)
            return False
        finally:
            database.close()
        return True

    def manage(
        self, *args: str, stdin: str | None = None, timeout_s: float = 60, env: Mapping[str, str] | None = None
    ) -> Done:
        """A command of the control plane, to its end; `env` says more than that of the system."""
        return _run([sys.executable, str(ROOT / "manage.py"), *args], {**self.env, **(env or {})}, stdin, timeout_s)

    def enforcer(self, *args: str, timeout_s: float = 60) -> Done:
        """A command of the enforcer, to its end."""
        return _run([str(BIN / "enforcer"), *args], self.env, None, timeout_s)

    def apply(self, policy: Mapping[str, Any] | str) -> Done:
        """Apply a policy given as its text or as the value to write."""
        text = policy if isinstance(policy, str) else json.dumps({"version": 1, **policy})
        done = self.manage("apply", "-", stdin=text)
        assert done.code == 0, done
        return done

    def token(self, subject: str, *args: str) -> str:
        """A token of the control plane."""
        done = self.manage("issue_token", subject, *args)
        assert done.code == 0, done
        return done.out.splitlines()[-1]

    def enroll(
        self,
        enforcer_id: str,
        *servers: str,
        upstream: str = "",
        command: list[str] | None = None,
        embedded: bool = False,
    ) -> Path:
        """Enrol; returns the TOML file."""
        data = self.home / enforcer_id
        args = ["enroll", enforcer_id, "--data-dir", str(data), "--listen", f"127.0.0.1:{free_port()}"]
        for server in servers:
            args += ["--server", server]
        behind = ["--upstream", upstream] if upstream else ["--command", "--", *(command or [])]
        args += ["--embedded"] if embedded else behind
        done = self.manage(*args)
        assert done.code == 0, done
        file = self.home / f"{enforcer_id}.toml"
        file.write_text(done.out)
        return file

    def open_gate(self, file: Path, *, workers: int = 1) -> Gate:
        """`enforcer run` until it is ready."""
        gate = self.launch_gate(file, workers=workers)
        gate.url = gate.program.line("ready: ").removeprefix("ready: ").strip()
        return gate

    def launch_gate(self, file: Path, *, workers: int = 1, **env: str) -> Gate:
        """`enforcer run`, not waiting for a policy; the URL is that of the file."""
        enforcer_id = file.stem
        number = sum(1 for _ in self.home.glob(f"{enforcer_id}-*.log"))
        program = Program(
            [BIN / "enforcer", "run", file, "--workers", str(workers)],
            log=self.home / f"{enforcer_id}-{number}.log",
            env={**self.env, **env},
        )
        listen = re.search(r'^listen = "(.*)"', file.read_text(), re.MULTILINE)
        assert listen is not None
        gate = Gate(file, self.home / enforcer_id, program, f"http://{listen.group(1)}/mcp")
        self.gates[enforcer_id] = gate
        return gate

    def caller(self, gate: str, token: str | None) -> Caller:
        """A plain HTTP caller of a gate."""
        return Caller(self.gates[gate].url, token)

    def receipts(self, *filters: str, settle_s: float = 10) -> list[dict[str, Any]]:
        """The receipts that the control plane holds, chain heads left out."""
        done = self.manage("receipts", "export", "--settle", str(settle_s), *filters)
        assert done.code == 0, done
        lines = [json.loads(line) for line in done.out.splitlines()]
        found = [line for line in lines if "chain_head" not in line["receipt_type"]]
        wrong = [str(problem) for receipt in found for problem in RECEIPT.iter_errors(receipt)]
        assert not wrong, wrong[:3]
        return found

    def receipt(self, receipt_id: str) -> dict[str, Any]:
        """One receipt, waited for."""

        def stored() -> dict[str, Any] | None:
            return next((r for r in self.receipts(settle_s=0) if r["receipt_id"] == receipt_id), None)

        return wait_for(stored, f"receipt {receipt_id}")

    def start_upstream(self, module: str, *args: str) -> str:
        """A server of tests/support over HTTP; returns its URL."""
        port = free_port()
        program = Program(
            [sys.executable, "-m", f"tests.support.{module}", "--port", str(port), *args],
            log=self.home / f"{module}-{port}.log",
            env=self.env,
            cwd=ROOT,
        )
        self.upstreams.append(program)
        program.line("serving")
        return f"http://127.0.0.1:{port}/mcp"

    def stop(self) -> None:
        """End everything."""
        for gate in self.gates.values():
            gate.program.stop()
        for upstream in self.upstreams:
            upstream.stop()
        if self.up is not None:
            self.up.stop()


def _run(argv: list[str], env: Mapping[str, str], stdin: str | None, timeout_s: float) -> Done:
    ended = subprocess.run(
        argv, env=dict(env), input=stdin or "", capture_output=True, text=True, timeout=timeout_s, check=False
    )
    return Done(ended.returncode, ended.stdout, ended.stderr)


@contextmanager
def running(home: Path, **env: str) -> Iterator[System]:
    """A started system that ends with the block; `env` says more than what every system gets."""
    system = System(home, more_env=env)
    try:
        system.start()
        yield system
    finally:
        system.stop()
