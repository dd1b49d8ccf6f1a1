"""One server behind the gate: how it is reached under the policy of the moment, and what holds of its sandbox."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from enforcer.config import Config
from enforcer.config_file import Upstream as UpstreamConfig
from enforcer.contract.snapshot import Snapshot
from enforcer.link.state import Applied
from enforcer.mcp.upstream.base import Upstream, UpstreamFailure
from enforcer.mcp.upstream.http import HttpUpstream
from enforcer.mcp.upstream.stdio import StdioUpstream
from enforcer.sandbox.launch import Command, Host, launch_plan
from enforcer.sandbox.plan import LaunchPlan, Refusal, SandboxPolicy

log = logging.getLogger(__name__)


class Behind(Protocol):
    """A server behind the gate. The policies are those of its sandbox; `warning` is for the fleet page.

    `launched`: it is a process of this gate, so that its network can be cut.
    """

    fs_policy: str
    net_policy: str
    warning: str | None
    launched: bool

    async def upstream(self, policy: Applied) -> Upstream:
        """The transport under this policy; raises `UpstreamFailure`."""

    def cut_off(self) -> None:
        """Its egress is blocked: whatever could reach a network ends now."""

    def release(self, owner: str) -> None:
        """An owner is gone: what was kept for it can go."""

    async def close(self) -> None:
        """End what was started."""


_Terms = tuple[str, str | None, str, str, bool]


class GatedServer:
    """Hands out the transport. A stdio server is launched anew when what must hold of its process changes."""

    def __init__(
        self,
        file: UpstreamConfig,
        config: Config,
        host: Host,
        on_start: Callable[[bool], None] = lambda _sandboxed: None,
        on_list_changed: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_start` hears of each process, and whether a sandbox holds it; `on_list_changed`: a process said so."""
        self.server_id, self._on_start, self._on_list_changed = file.server, on_start, on_list_changed
        self.fs_policy, self.net_policy = "none", "none"  # an upstream by URL is in nobody's sandbox
        self.warning: str | None = None
        self._file, self._host = file, host
        self.launched = not file.url
        self._terms: _Terms | None = None
        self._order = (0, 0, 0, 0)
        self._moving = asyncio.Lock()
        self._upstream: Upstream | None = None
        if file.url:
            self._upstream = HttpUpstream(file.url, fetch_allow=config.fetch_allow)

    async def upstream(self, policy: Applied) -> Upstream:
        """The transport under this policy; raises `UpstreamFailure` where the policy lets nothing be launched."""
        if not self._file.url:
            async with self._moving:
                await self._move(policy)
        if self._upstream is None:
            raise UpstreamFailure("unavailable", self.warning or "not launched", sent=False)
        return self._upstream

    async def _move(self, policy: Applied) -> None:
        """Under the newest terms, never back to older ones: the caller may have waited."""
        order = (*policy.index.snapshot.order, *policy.incident.order)
        if order < self._order:
            raise UpstreamFailure("unavailable", "the policy has moved on", sent=False)
        self._order = order
        terms = _terms(policy)
        if self._terms != terms:
            await self.close()
            self._upstream = self._launch(policy.index.snapshot, cut=policy.incident.egress_blocked)
            self._terms = terms

    def cut_off(self) -> None:
        """Its egress is blocked: whatever could reach a network ends now, and the next process starts without one."""
        if isinstance(self._upstream, StdioUpstream) and self.net_policy == "none":
            self._upstream.kill()
            self._terms = None

    def release(self, owner: str) -> None:
        """An owner is gone: what was kept for it can go."""
        if self._upstream is not None:
            self._upstream.release(owner)

    async def close(self) -> None:
        """End what was started."""
        if self._upstream is not None:
            await self._upstream.close()
        self._upstream, self._terms = None, None

    def _launch(self, snapshot: Snapshot, *, cut: bool) -> Upstream | None:
        server = snapshot.server
        net = "block_all" if cut else server.sandbox.net
        plan = launch_plan(
            Command(tuple(self._file.command), self._file.env, self._file.cwd),
            workspace=Path(server.workspace) if server.workspace else None,
            trust=snapshot.trust.name,
            policy=SandboxPolicy(server.sandbox.fs, net),
            host=self._host,
        )
        if isinstance(plan, LaunchPlan) and cut and plan.net_policy == "none":
            plan = Refusal("its egress is blocked, and without a sandbox on this host nothing cuts its network")
        if not isinstance(plan, LaunchPlan):
            self.warning = f"{self.server_id} is not launched: {plan.reason}"
            log.error("%s", self.warning)
            return None
        self.fs_policy, self.net_policy = plan.fs_policy, plan.net_policy
        self.warning = f"{self.server_id}: {plan.warning}" if plan.warning else None
        if self.warning:
            log.warning("%s", self.warning)
        sandboxed = (plan.fs_policy, plan.net_policy) != ("none", "none")
        return StdioUpstream(
            self.server_id,
            plan,
            on_start=lambda: self._on_start(sandboxed),
            on_list_changed=self._on_list_changed,
        )


def _terms(policy: Applied) -> _Terms:
    snapshot = policy.index.snapshot
    sandbox = snapshot.server.sandbox
    return (
        snapshot.trust.name,
        snapshot.server.workspace,
        sandbox.fs,
        sandbox.net,
        policy.incident.egress_blocked and sandbox.net == "none",
    )
