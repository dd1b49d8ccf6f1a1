import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec
import pytest

from enforcer.config_file import Upstream as UpstreamConfig
from enforcer.contract.snapshot import Snapshot
from enforcer.mcp.upstream.base import UpstreamFailure
from enforcer.mcp.upstream.stdio import StdioUpstream
from enforcer.pipeline.server import GatedServer
from enforcer.sandbox.plan import LaunchPlan
from tests.enforcer.pipeline.parts import Bench
from tests.vectors.make import a_snapshot


@dataclass(eq=False)
class Launched:
    """A transport that takes a moment to close."""

    workspace: str | None
    closed: bool = False

    async def close(self) -> None:
        await asyncio.sleep(0.01)
        self.closed = True


@dataclass
class Launcher:
    started: list[Launched] = field(default_factory=list)

    def __call__(self, snapshot: Snapshot) -> Launched:
        self.started.append(Launched(snapshot.server.workspace))
        return self.started[-1]


def policy(version: int, workspace: str) -> Snapshot:
    made = a_snapshot()
    return msgspec.structs.replace(
        made, version=version, server=msgspec.structs.replace(made.server, workspace=workspace)
    )


@pytest.fixture
def launcher() -> Launcher:
    return Launcher()


@pytest.fixture
def server(launcher: Launcher, monkeypatch: pytest.MonkeyPatch) -> GatedServer:
    file = UpstreamConfig(server="files", command=["server"])
    made = GatedServer(file, cast("Any", None), cast("Any", None))
    monkeypatch.setattr(made, "_launch", launcher)
    return made


async def test_concurrent_calls_under_new_terms_launch_one_process_and_close_the_other(
    server: GatedServer, launcher: Launcher
) -> None:
    await server.upstream(policy(1, "/old"))
    used = await asyncio.gather(*(server.upstream(policy(2, "/new")) for _ in range(5)))
    assert [(each.workspace, each.closed) for each in launcher.started] == [("/old", True), ("/new", False)]
    assert set(map(id, used)) == {id(launcher.started[1])}


async def test_a_call_that_waited_never_brings_older_terms_back(server: GatedServer, launcher: Launcher) -> None:
    await server.upstream(policy(1, "/old"))
    await server.upstream(policy(2, "/new"))
    with pytest.raises(UpstreamFailure) as caught:
        await server.upstream(policy(1, "/old"))
    assert caught.value.sent is False
    assert len(launcher.started) == 2


def test_no_two_principals_have_one_owner() -> None:
    bench = Bench()
    owners = []
    for issuer, subject in (("a b", "c"), ("a", "b c"), ("a'", "b"), ("a", "' b")):
        tx = bench.call()
        assert tx.caller is not None
        tx.caller = type(tx.caller)(subject, issuer)
        owners.append(tx.owner)
    assert len(set(owners)) == 4


@pytest.mark.parametrize("isolated", [True, False])
async def test_each_process_is_counted_with_or_without_a_sandbox(
    isolated: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = LaunchPlan(("server",), {}, "/", "workspace_only" if isolated else "none", "none")
    monkeypatch.setattr("enforcer.pipeline.server.launch_plan", lambda *_, **__: plan)
    monkeypatch.setattr("enforcer.mcp.upstream.child.Child.start", _no_process)
    started: list[bool] = []
    file = UpstreamConfig(server="files", command=["server"])
    made = GatedServer(file, cast("Any", None), cast("Any", None), started.append)
    upstream = cast("StdioUpstream", await made.upstream(policy(1, "/srv/files")))
    for owner in ("ada", "grace"):
        await upstream._start(owner)
    assert started == [isolated] * 2


async def _no_process(*_: object) -> None:
    """Stands in for the launch alone."""
