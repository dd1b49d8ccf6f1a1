import asyncio
from dataclasses import dataclass, field, replace
from typing import Any, cast

import msgspec
import pytest

from enforcer.config_file import Upstream as UpstreamConfig
from enforcer.contract.snapshot import Snapshot
from enforcer.link.state import Applied
from enforcer.mcp.upstream.base import UpstreamFailure
from enforcer.mcp.upstream.child import Child
from enforcer.mcp.upstream.stdio import StdioUpstream
from enforcer.pipeline.server import GatedServer
from enforcer.sandbox.plan import LaunchPlan, SandboxPolicy
from tests.enforcer.pipeline.parts import Bench
from tests.enforcer.pipeline.workbench import applied
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

    def __call__(self, snapshot: Snapshot, *, cut: bool) -> Launched:
        self.started.append(Launched(snapshot.server.workspace))
        return self.started[-1]


def policy(version: int, workspace: str, *, net: str = "block_all", epoch: int = 1, cut: bool = False) -> Applied:
    made, usual = a_snapshot(), applied()
    sandbox = msgspec.structs.replace(made.server.sandbox, net=net)
    server = msgspec.structs.replace(made.server, workspace=workspace, sandbox=sandbox)
    index = replace(usual.index, snapshot=msgspec.structs.replace(made, version=version, server=server))
    incident = msgspec.structs.replace(usual.incident, epoch=epoch, egress_blocked=cut)
    return replace(usual, index=index, incident=incident)


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


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> list[SandboxPolicy]:
    """What sandbox was asked for at each launch; no process is started."""
    asked: list[SandboxPolicy] = []

    def plan(*_: object, policy: SandboxPolicy, **__: object) -> LaunchPlan:
        asked.append(policy)
        return LaunchPlan(("server",), {}, "/", policy.fs, policy.net)

    monkeypatch.setattr("enforcer.pipeline.server.launch_plan", plan)
    monkeypatch.setattr("enforcer.mcp.upstream.child.Child.start", _no_process)
    return asked


def networked() -> GatedServer:
    return GatedServer(UpstreamConfig(server="files", command=["server"]), cast("Any", None), cast("Any", None))


async def test_a_server_whose_egress_is_blocked_is_launched_anew_without_a_network_and_with_it_afterwards(
    plans: list[SandboxPolicy],
) -> None:
    server = networked()
    for epoch, cut in ((1, False), (2, True), (3, False)):
        await server.upstream(policy(1, "/w", net="none", epoch=epoch, cut=cut))
    assert [plan.net for plan in plans] == ["none", "block_all", "none"]


async def test_a_server_without_a_network_runs_on(plans: list[SandboxPolicy]) -> None:
    server = networked()
    first = await server.upstream(policy(1, "/w"))
    server.cut_off()
    assert await server.upstream(policy(1, "/w", epoch=2, cut=True)) is first
    assert len(plans) == 1


async def test_a_block_that_ended_before_the_next_call_leaves_a_server_that_can_be_called(
    plans: list[SandboxPolicy], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Child, "end", Child._gone)  # there is no process to wait for
    server = networked()
    upstream = cast("StdioUpstream", await server.upstream(policy(1, "/w", net="none")))
    child = await upstream._start("ada")
    server.cut_off()
    assert child.exited.done()
    again = cast("StdioUpstream", await server.upstream(policy(1, "/w", net="none", epoch=3)))
    await again._start("ada")
    assert len(plans) == 2


async def test_a_call_that_waited_never_brings_the_network_back(plans: list[SandboxPolicy]) -> None:
    server = networked()
    await server.upstream(policy(1, "/w", net="none", epoch=2, cut=True))
    with pytest.raises(UpstreamFailure):
        await server.upstream(policy(1, "/w", net="none", epoch=1))
    assert [plan.net for plan in plans] == ["block_all"]


async def test_where_nothing_can_cut_its_network_it_is_not_launched(monkeypatch: pytest.MonkeyPatch) -> None:
    unsandboxed = LaunchPlan(("server",), {}, "/", "none", "none")
    monkeypatch.setattr("enforcer.pipeline.server.launch_plan", lambda *_, **__: unsandboxed)
    server = networked()
    await server.upstream(policy(1, "/w", net="none"))
    with pytest.raises(UpstreamFailure, match="egress is blocked"):
        await server.upstream(policy(1, "/w", net="none", epoch=2, cut=True))
    assert server.warning is not None
    await server.upstream(policy(1, "/w", net="none", epoch=3))
    assert server.warning is None
