"""A snapshot made ready to decide from: looked up, compiled and checked once, then immutable.

Structure that can't be right (two tools of one name, a grant nobody knows) refuses the whole snapshot. A grant that
can't be read stays and fails closed: as a deny it always applies, as an allow it never does; `warnings` names it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from enforcer.contract.keys import PublicKey
from enforcer.contract.levels import Risk
from enforcer.contract.snapshot import PrincipalPolicy, Snapshot, ToolPolicy
from enforcer.contract.times import from_text
from enforcer.policy.arguments import CompiledTool, compile_tool
from enforcer.policy.grants import IndexedGrant, read_grant
from enforcer.policy.rates import Rate, parse_rate
from enforcer.policy.schema import SchemaProblem

SERVER_BUCKET = "server"


@dataclass(frozen=True, slots=True)
class IndexProblem:
    """Why this snapshot can't be used."""

    detail: str


@dataclass(frozen=True, slots=True)
class IndexedTool:
    """A tool and its compiled checks."""

    policy: ToolPolicy
    compiled: CompiledTool


@dataclass(frozen=True, slots=True)
class IndexedPrincipal:
    """A principal's groups and grants, the grants in the order of their ids."""

    groups: frozenset[str]
    grants: tuple[IndexedGrant, ...]
    _of_tool: dict[tuple[str, Risk], tuple[IndexedGrant, ...]] = field(default_factory=dict, compare=False, repr=False)

    def grants_for(self, tool: ToolPolicy, risk: Risk) -> tuple[IndexedGrant, ...]:
        """Those that speak of a tool of this server at a call's risk, whatever the time; remembered once asked."""
        found = self._of_tool.get((tool.name, risk)) if self.grants else ()
        if found is None:
            found = tuple(g for g in self.grants if g.speaks_of(tool, risk))
            self._of_tool[tool.name, risk] = found
        return found


NOBODY = IndexedPrincipal(frozenset(), ())


@dataclass(frozen=True, slots=True)
class Index:
    """What `decide` looks into. `expires_at` is the snapshot's, unix seconds."""

    snapshot: Snapshot
    expires_at: float
    tools: Mapping[str, IndexedTool]
    principals: Mapping[tuple[str, str], IndexedPrincipal]
    server_rate: Rate | None
    warnings: tuple[str, ...]

    def principal(self, subject: str, issuer: str) -> IndexedPrincipal:
        """One that is not declared here has no groups and no grants."""
        return self.principals.get((subject, issuer), NOBODY)

    def grants_of(self, subject: str, issuer: str) -> tuple[IndexedGrant, ...]:
        """Every grant of a principal, its groups' included."""
        return self.principal(subject, issuer).grants


def build_index(snapshot: Snapshot) -> Index | IndexProblem:
    """Compile a snapshot, or say why it can't be used."""
    problem = next(_structure(snapshot), None)
    if problem is not None:
        return IndexProblem(problem)
    tools = _tools(snapshot)
    if isinstance(tools, IndexProblem):
        return tools
    grants = {policy.id: read_grant(policy) for policy in snapshot.grants}
    return Index(
        snapshot=snapshot,
        expires_at=from_text(snapshot.expires_at),
        tools=MappingProxyType(tools),
        principals=MappingProxyType({_who(p): _principal(p, grants) for p in snapshot.principals}),
        server_rate=_rate(snapshot.server.limits.rate),
        warnings=tuple(f"grant {g.policy.id!r}: {g.problem}" for g in grants.values() if g.problem),
    )


def _tools(snapshot: Snapshot) -> dict[str, IndexedTool] | IndexProblem:
    made: dict[str, IndexedTool] = {}
    for tool in snapshot.tools:
        compiled = compile_tool(tool, workspace=snapshot.server.workspace, egress=snapshot.server.egress)
        if isinstance(compiled, SchemaProblem):
            return IndexProblem(f"tool {tool.name!r}: {compiled}")
        made[tool.name] = IndexedTool(tool, compiled)
    return made


def _principal(policy: PrincipalPolicy, grants: Mapping[str, IndexedGrant]) -> IndexedPrincipal:
    return IndexedPrincipal(frozenset(policy.groups), tuple(grants[name] for name in sorted(set(policy.grants))))


def _rate(text: str | None) -> Rate | None:
    return None if text is None else parse_rate(text)


def _structure(snapshot: Snapshot) -> Iterator[str]:
    known = {grant.id for grant in snapshot.grants}
    if snapshot.server.id != snapshot.server_id:
        yield f"is of {snapshot.server_id!r} but describes {snapshot.server.id!r}"
    yield from (f"two tools are named {name!r}" for name in _twice(t.name for t in snapshot.tools))
    yield from (f"two grants have the id {name!r}" for name in _twice(g.id for g in snapshot.grants))
    yield from (f"principal {who!r} is there twice" for who in _twice(map(_who, snapshot.principals)))
    yield from (f"{p.subject!r} has an unknown grant" for p in snapshot.principals if not known.issuperset(p.grants))
    if SERVER_BUCKET in known:
        yield f"a grant has the id {SERVER_BUCKET!r}, which the server's own rate uses"
    rate = snapshot.server.limits.rate
    if rate is not None and parse_rate(rate) is None:
        yield f"the server's rate {rate!r} is not like 100/minute"
    yield from _unreadable(snapshot)


def _who(principal: PrincipalPolicy) -> tuple[str, str]:
    return (principal.subject, principal.issuer)


def _unreadable(snapshot: Snapshot) -> Iterator[str]:
    try:
        from_text(snapshot.expires_at)
        for key in snapshot.token_keys:
            PublicKey.from_text(key)
    except ValueError as problem:
        yield str(problem)


def _twice(names: Iterable[object]) -> list[object]:
    return [name for name, times in Counter(names).items() if times > 1]
