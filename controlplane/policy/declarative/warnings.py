"""What is taken as it is but said aloud: grants that do less than they seem to, servers that can't be called."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from controlplane.grants.specs import GrantSpec
from controlplane.inventory.specs import ToolSpec
from controlplane.policy.declarative.draft import Draft
from controlplane.policy.declarative.policy import Policy, ToolKey
from controlplane.policy.declarative.problems import Fault
from controlplane.policy.declarative.selections import Selections
from controlplane.policy.declarative.shadows import Shadows
from controlplane.policy.declarative.stopped import Killed
from enforcer.contract.levels import Risk


def warn(draft: Draft, whole: Policy, selections: Selections, held: set[ToolKey]) -> None:
    """Notes about every server, provider and grant of the file; `held` are tools that wait for review."""
    _warn_servers(draft, whole)
    for issuer, provider in draft.said.identity_providers.items():
        if not provider.jwks.get("keys"):
            draft.warn("identity_providers", issuer, ("jwks",), "holds no key", "none of its tokens is accepted")
    notes = GrantNotes(whole, selections, held)
    for grant in draft.said.grants.values():
        for note in notes.of(grant):
            draft.warn("grants", grant.key, *note)


def _warn_servers(draft: Draft, whole: Policy) -> None:
    for server in draft.said.servers.values():
        if server.credential_mode == "unset":
            what = "is not chosen, so every call ends at DENY_PASSTHROUGH_BLOCKED"
            draft.warn("servers", server.id, ("credential",), what, "credential: {mode: none} where it needs none")
        net = server.sandbox_net or whole.trust_levels[server.trust_level_id].sandbox_net
        if server.egress and net == "allowlist":
            what = "checks URL arguments only; a sandboxed server reaches no network in this version"
            draft.warn("servers", server.id, ("egress",), what, "run the server outside and name its URL if it must")


class _Weak(NamedTuple):
    """Of the tools that a grant names: which can't be called, and which can only with an approval."""

    held: Sequence[ToolSpec]
    killed: Sequence[ToolSpec]
    above: Sequence[ToolSpec]


class GrantNotes:
    """What keeps a grant of one policy from doing what it seems to."""

    def __init__(self, whole: Policy, selections: Selections, held: set[ToolKey]) -> None:
        self._whole, self._selections, self._held = whole, selections, held
        self._killed = Killed(whole.kill_switches)
        self._shadows = Shadows(whole, selections)
        self._of_selector: dict[tuple[str, str, Risk], _Weak] = {}

    def of(self, grant: GrantSpec) -> Iterator[Fault]:
        """All of it, a line for each kind."""
        tools = self._selections.of(grant)
        yield from self._unmatched(grant, tools)
        if grant.effect == "allow":
            weak = self._weak(grant, tools)
            yield from _some(weak.held, "is held", "no call passes until it is reviewed")
            yield from _some(weak.killed, "is killed", "no call passes until it is lowered")
            yield from self._above(grant, weak)
            yield from self._shadowed(grant, tools)

    def _unmatched(self, grant: GrantSpec, tools: Sequence[ToolSpec]) -> Iterator[Fault]:
        for pattern in grant.tools:
            if not self._selections.named(grant.server_id, pattern):
                yield Fault(("tools",), f"{pattern!r} matches no tool today", "declare it")
        if not grant.server_id and not tools:
            yield Fault((), f"{grant.what} matches no tool today", "declare one")

    def _weak(self, grant: GrantSpec, tools: Sequence[ToolSpec]) -> _Weak:
        if grant.server_id:
            return self._look_at(tools, grant.max_risk)
        key = (grant.trust, grant.risk, grant.max_risk)
        if key not in self._of_selector:
            self._of_selector[key] = self._look_at(tools, grant.max_risk)
        return self._of_selector[key]

    def _look_at(self, tools: Sequence[ToolSpec], max_risk: Risk) -> _Weak:
        return _Weak(
            held=[tool for tool in tools if tool.key in self._held],
            killed=[tool for tool in tools if self._killed.stops(tool, self._level(tool))],
            above=[tool for tool in tools if self._is_above(tool, max_risk)],
        )

    def _above(self, grant: GrantSpec, weak: _Weak) -> Iterator[Fault]:
        if not weak.above:
            return
        tool = weak.above[0]
        ceiling = self._whole.trust_levels[self._level(tool)].ceiling
        limit, name = min((grant.max_risk, "max_risk"), (ceiling, f"ceiling of {self._level(tool)}"), key=_rank)
        yield from _some(weak.above, f"is {tool.risk}, above the {name} {limit}", "each call needs an approval")

    def _shadowed(self, grant: GrantSpec, tools: Sequence[ToolSpec]) -> Iterator[Fault]:
        denies = self._shadows.over(grant, tools)
        if denies:
            more = f" and {len(denies) - 1} more" if len(denies) > 1 else ""
            what = f"is shadowed by the deny {denies[0].key} ({denies[0].what}){more}"
            yield Fault((), what, "it allows nothing")

    def _is_above(self, tool: ToolSpec, max_risk: Risk) -> bool:
        return tool.risk.rank > min(max_risk.rank, self._whole.trust_levels[self._level(tool)].ceiling.rank)

    def _level(self, tool: ToolSpec) -> str:
        return self._whole.servers[tool.server_id].trust_level_id


def _some(tools: Sequence[ToolSpec], what: str, right: str) -> Iterator[Fault]:
    """One line for all of them; it names the first."""
    if tools:
        more = f", and {len(tools) - 1} more" if len(tools) > 1 else ""
        yield Fault((), f"tool {tools[0].server_id}/{tools[0].name} {what}{more}", right)


def _rank(limit: tuple[Risk, str]) -> int:
    return limit[0].rank
