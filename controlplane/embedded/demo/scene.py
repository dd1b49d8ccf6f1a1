"""Everything the story needs: a throw-away repository, the control plane, two gates with real MCP servers, tokens."""

import asyncio
import os
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from controlplane.embedded.demo.people import USERNAME, Login, first_login
from controlplane.embedded.demo.processes import Running, run

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
BIN = Path(sys.executable).parent
GIT = ["git", "-c", "user.name=Demo", "-c", "user.email=demo@example.invalid"]


@dataclass(slots=True)
class Scene:
    """Paths and programs of one demo."""

    home: Path
    say: Callable[[str], None]
    programs: list[Running] = field(default_factory=list)
    gates: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    control_plane: str = ""
    login: Login | None = None

    @property
    def data(self) -> Path:
        """The control plane's data directory."""
        return self.home / "data"

    @property
    def repository(self) -> Path:
        """The throw-away repository: the workspace of the server `git`."""
        return self.home / "repository"

    @property
    def env(self) -> dict[str, str]:
        """What every program of the demo gets: nothing of the caller's but the path and the language."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "HOME", "TMPDIR") if name in os.environ}
        return {**kept, "DRAWBRIDGE_DATA_DIR": str(self.data)}

    async def manage(self, *args: str) -> str:
        """A command of the control plane."""
        return await run(f"manage.py {args[0]}", [sys.executable, str(ROOT / "manage.py"), *args], self.env)

    async def prepare(self, tasks: asyncio.TaskGroup) -> None:
        """From nothing to two gates that serve."""
        await self._make_repository()
        await self._start_control_plane(tasks)
        await self._apply_policy()
        async with asyncio.TaskGroup() as together:
            git, clock = ["mcp-server-git", "--repository", str(self.repository)], ["mcp-server-time"]
            together.create_task(self._open_gate("git", git, tasks))
            together.create_task(self._open_gate("time", [*clock, "--local-timezone", "UTC"], tasks))
            together.create_task(self._make_admin())
            for subject in ("ada", "grace"):
                together.create_task(self._issue_token(subject))

    async def _issue_token(self, subject: str) -> None:
        self.tokens[subject] = (await self.manage("issue_token", subject, "--ttl", "3600")).splitlines()[-1]

    async def _make_admin(self) -> None:
        self.login = await first_login((await self.manage("createadmin", USERNAME)).splitlines()[-1])

    async def stop(self) -> None:
        """End everything, the control plane last."""
        await asyncio.gather(*(gate.stop() for gate in self.programs[1:]))
        for control_plane in self.programs[:1]:
            await control_plane.stop()

    async def _make_repository(self) -> None:
        shutil.rmtree(self.home, ignore_errors=True)
        self.repository.mkdir(parents=True)
        (self.repository / "README").write_text("A repository to play with.\n")
        for args in (["init", "-q", "-b", "main"], ["add", "README"], ["commit", "-q", "-m", "The first commit"]):
            await run("git", [*GIT, "-C", str(self.repository), *args], self.env)

    async def _start_control_plane(self, tasks: asyncio.TaskGroup) -> None:
        argv = [sys.executable, str(ROOT / "manage.py"), "up", "--data-dir", str(self.data)]
        ready = await self._start("control-plane", argv, tasks)
        self.control_plane = ready.removeprefix("ready: ").strip()

    async def _apply_policy(self) -> None:
        policy = self.home / "policy.yaml"
        policy.write_text((HERE / "policy.yaml").read_text().replace("{workspace}", str(self.repository)))
        changes = await self.manage("apply", str(policy))
        self.say(f"policy applied: {len(changes.splitlines())} changes, from {policy}")

    async def _open_gate(self, server: str, command: list[str], tasks: asyncio.TaskGroup) -> None:
        program = [str(BIN / command[0]), *command[1:]]
        enrol = ["enroll", f"{server}-gate", "--server", server, "--data-dir", str(self.home / f"{server}-gate")]
        toml = await self.manage(*enrol, "--command", "--", *program)
        file = self.home / f"{server}-gate.toml"
        file.write_text(toml)
        ready = await self._start(f"{server}-gate", [str(BIN / "enforcer"), "run", str(file)], tasks)
        self.gates[server] = ready.removeprefix("ready: ").strip()

    async def _start(self, name: str, argv: list[str], tasks: asyncio.TaskGroup) -> str:
        program = await Running.start(name, argv, self.env, self.home / f"{name}.log")
        self.programs.append(program)
        ready = await program.line_starting("ready: ", self._part, timeout_s=90)
        tasks.create_task(program.drain())
        return ready

    def _part(self, line: str) -> None:
        if re.match(r"started |ready: ", line):
            self.say(line)
