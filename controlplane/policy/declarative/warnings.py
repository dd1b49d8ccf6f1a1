"""What is taken as it is but said aloud: grants that do less than they seem to, servers that can't be called."""

from controlplane.grants.specs import GrantSpec
from controlplane.inventory.specs import ToolSpec
from controlplane.policy.declarative.draft import Draft
from controlplane.policy.declarative.policy import Policy, ToolKey
from controlplane.policy.declarative.rules_grants import tools_of
from enforcer.contract.levels import Risk
from enforcer.contract.targets import Target, parse_target
from enforcer.policy.globs import matches


def warn(draft: Draft, whole: Policy, held: set[ToolKey]) -> None:
    """Notes about every server, provider and grant of the file; `held` are tools that wait for review."""
    _warn_servers(draft, whole)
    for issuer, provider in draft.said.identity_providers.items():
        if not provider.jwks.get("keys"):
            draft.warn("identity_providers", issuer, ("jwks",), "holds no key", "none of its tokens is accepted")
    killed = [target for k in whole.kill_switches if isinstance(target := parse_target(k), Target)]
    denies = [grant for grant in whole.grants.values() if grant.effect == "deny" and grant.constraint is None]
    for grant in draft.said.grants.values():
        tools = list(tools_of(grant, whole))
        _warn_unmatched(draft, grant, tools)
        if grant.effect == "allow":
            _warn_stopped(
                draft, grant, [t for t in tools if t.key in held], "is held", "no call passes until it is reviewed"
            )
            _warn_stopped(
                draft,
                grant,
                [t for t in tools if _is_killed(t, whole, killed)],
                "is killed",
                "no call passes until it is lowered",
            )
            _warn_ceiling(draft, grant, tools, whole)
            _warn_shadowed(draft, grant, tools, whole, [deny for deny in denies if _covers(deny, grant, whole)])


def _warn_servers(draft: Draft, whole: Policy) -> None:
    for server in draft.said.servers.values():
        if server.credential_mode == "unset":
            what = "is not chosen, so every call ends at DENY_PASSTHROUGH_BLOCKED"
            draft.warn("servers", server.id, ("credential",), what, "credential: {mode: none} where it needs none")
        net = server.sandbox_net or whole.trust_levels[server.trust_level_id].sandbox_net
        if server.egress and net == "allowlist":
            what = "checks URL arguments only; a sandboxed server reaches no network in this version"
            draft.warn("servers", server.id, ("egress",), what, "run the server outside and name its URL if it must")


def _warn_unmatched(draft: Draft, grant: GrantSpec, tools: list[ToolSpec]) -> None:
    for number, pattern in enumerate(grant.tools):
        if not any(matches(pattern, tool.name) for tool in tools):
            draft.warn("grants", grant.key, ("tools",), f"{grant.tools[number]!r} matches no tool today", "declare it")
    if not grant.server_id and not tools:
        draft.warn("grants", grant.key, (), f"{grant.what} matches no tool today", "declare one")


def _warn_stopped(draft: Draft, grant: GrantSpec, tools: list[ToolSpec], what: str, right: str) -> None:
    for tool in tools:
        draft.warn("grants", grant.key, (), f"tool {tool.server_id}/{tool.name} {what}", right)


def _warn_ceiling(draft: Draft, grant: GrantSpec, tools: list[ToolSpec], whole: Policy) -> None:
    for tool in tools:
        level = whole.trust_levels[whole.servers[tool.server_id].trust_level_id]
        limit, name = min((grant.max_risk, "max_risk"), (level.ceiling, f"ceiling of {level.name}"), key=_rank)
        if Risk(tool.risk).rank > Risk(limit).rank:
            what = f"tool {tool.server_id}/{tool.name} is {tool.risk}, above the {name} {limit}"
            draft.warn("grants", grant.key, (), what, "each call needs an approval")


def _rank(limit: tuple[Risk, str]) -> int:
    return Risk(limit[0]).rank


def _warn_shadowed(
    draft: Draft, grant: GrantSpec, tools: list[ToolSpec], whole: Policy, denies: list[GrantSpec]
) -> None:
    names = {tool.key for tool in tools}
    for deny in denies:
        if names and names <= {tool.key for tool in tools_of(deny, whole)}:
            what = f"is shadowed by the deny {deny.key} ({deny.what})"
            draft.warn("grants", grant.key, (), what, "it allows nothing")


def _covers(deny: GrantSpec, allow: GrantSpec, whole: Policy) -> bool:
    if deny.group:
        member = whole.principals.get(allow.principal) if allow.principal else None
        return deny.group == allow.group or (member is not None and deny.group in member.groups)
    return deny.principal == allow.principal


def _is_killed(tool: ToolSpec, whole: Policy, targets: list[Target]) -> bool:
    level = whole.servers[tool.server_id].trust_level_id
    return any(
        target.kind == "all"
        or (target.kind in ("server", "credential") and target.name == tool.server_id)
        or (target.kind == "tool" and target.server == tool.server_id and matches(target.name, tool.name))
        or (target.kind == "risk" and target.name == tool.risk)
        or (target.kind == "trust" and target.name == level)
        for target in targets
    )
