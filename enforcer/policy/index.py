"""A snapshot made ready to decide from: looked up, compiled and checked once, then immutable.

Structure that can't be right (two tools of one name, a grant nobody knows) refuses the whole snapshot. A grant that
can't be read stays and fails closed: as a deny it always applies, as an allow it never does; `warnings` names it.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import inf, isfinite
from types import MappingProxyType

from enforcer.contract.keys import PublicKey
from enforcer.contract.levels import Risk
from enforcer.contract.snapshot import PrincipalPolicy, Snapshot, ToolPolicy
from enforcer.contract.times import from_text
from enforcer.policy.arguments import CompiledTool, compile_tool
from enforcer.policy.grants import IndexedGrant, read_grant
from enforcer.policy.rates import Rate, parse_rate
from enforcer.policy.risk_patterns import problem_of
from enforcer.policy.schema import SchemaProblem

SERVER_BUCKET = "server"
REMEMBERED = 1024  # tools of a principal


@dataclass(frozen=True, slots=True)
class IndexProblem:
    """Why this snapshot can't be used."""

    detail: str


@dataclass(frozen=True, slots=True)
class IndexedTool:
    """A tool and its compiled checks."""

    policy: ToolPolicy
    compiled: CompiledTool


Grants = tuple[IndexedGrant, ...]


@dataclass(frozen=True, slots=True)
class Holdings:
    """Grants that go together, in the order of their ids: by the exact name of a tool, and those that name none so."""

    all: Grants
    by_name: Mapping[str, Grants]
    loose: Grants

    def spoken_of(self, names: Collection[str]) -> Iterator[str]:
        """Of these names those of which a grant may speak."""
        if self.loose:
            return iter(names)
        few, many = (self.by_name, names) if len(self.by_name) < len(names) else (names, self.by_name)
        return (name for name in few if name in many)

    def that_may_speak_of(self, name: str) -> Grants:
        """However many there are besides, these alone are looked at for a tool."""
        exact = self.by_name.get(name, ())
        if not exact or not self.loose:
            return exact or self.loose
        return tuple(sorted((*exact, *self.loose), key=lambda g: g.policy.id))


@dataclass(frozen=True, slots=True)
class IndexedPrincipal:
    """A principal's groups and what was granted to it and to them."""

    groups: frozenset[str]
    holdings: Holdings
    _of_tool: dict[tuple[str, Risk], Grants] = field(default_factory=dict, compare=False, repr=False)

    @property
    def grants(self) -> Grants:
        """All of them, in the order of their ids."""
        return self.holdings.all

    def spoken_of(self, names: Collection[str]) -> Iterator[str]:
        """Of these names of tools those of which a grant may speak: no other can be called."""
        return self.holdings.spoken_of(names)

    def grants_for(self, tool: ToolPolicy, risk: Risk) -> Grants:
        """Those that speak of a tool of this server at a call's risk, whatever the time; the last are remembered."""
        found = self._of_tool.get((tool.name, risk)) if self.grants else ()
        if found is None:
            found = tuple(g for g in self.holdings.that_may_speak_of(tool.name) if g.speaks_of(tool, risk))
            if len(self._of_tool) >= REMEMBERED:
                self._of_tool.clear()
            self._of_tool[tool.name, risk] = found
        return found


NOBODY = IndexedPrincipal(frozenset(), Holdings((), {}, ()))


@dataclass(frozen=True, slots=True)
class Index:
    """What `decide` looks into. `expires_at` is the snapshot's, unix seconds."""

    snapshot: Snapshot
    expires_at: float
    tools: Mapping[str, IndexedTool]
    principals: Mapping[tuple[str, str], IndexedPrincipal]
    server_rate: Rate | None
    warnings: tuple[str, ...]
    turns: tuple[float, ...] = ()  # when a grant's window begins or ends, in order

    def next_turn(self, after: float) -> float:
        """The first moment after this one at which time alone changes a decision; endless where there is none."""
        at = bisect_right(self.turns, after)
        return self.turns[at] if at < len(self.turns) else inf

    def principal(self, subject: str, issuer: str) -> IndexedPrincipal:
        """One that is not declared here has no groups and no grants."""
        return self.principals.get((subject, issuer), NOBODY)

    def grants_of(self, subject: str, issuer: str) -> tuple[IndexedGrant, ...]:
        """Every grant of a principal, its groups' included."""
        return self.principal(subject, issuer).grants


def build_index(snapshot: Snapshot) -> Index | IndexProblem:
    """Compile a snapshot, or say why it can't be used."""
    tools = _tools(snapshot)
    return tools if isinstance(tools, IndexProblem) else _index(snapshot, tools)


def outline(snapshot: Snapshot) -> Index | IndexProblem:
    """Without the schemas, to ask who may call what: quick, and as a gate's it would refuse all arguments."""
    nothing = compile_tool(
        ToolPolicy(name="", risk=Risk.LOW, state="reviewed", input_schema={}), workspace=None, egress=()
    )
    assert isinstance(nothing, CompiledTool)
    return _index(snapshot, {tool.name: IndexedTool(tool, nothing) for tool in snapshot.tools})


def _index(snapshot: Snapshot, tools: Mapping[str, IndexedTool]) -> Index | IndexProblem:
    problem = next(_structure(snapshot), None)
    if problem is not None:
        return IndexProblem(problem)
    grants = {policy.id: read_grant(policy) for policy in snapshot.grants}
    shared = _Shared(grants)
    return Index(
        snapshot=snapshot,
        expires_at=from_text(snapshot.expires_at),
        tools=MappingProxyType(dict(tools)),
        principals=MappingProxyType({_who(p): shared.principal(p) for p in snapshot.principals}),
        server_rate=_rate(snapshot.server.limits.rate),
        turns=tuple(sorted({t for g in grants.values() for t in (g.starts, g.ends) if isfinite(t)})),
        warnings=tuple(f"grant {g.policy.id!r}: {g.problem}" for g in grants.values() if g.problem),
    )


def _tools(snapshot: Snapshot) -> dict[str, IndexedTool] | IndexProblem:
    made: dict[str, IndexedTool] = {}
    for tool in snapshot.tools:
        compiled = compile_tool(
            tool,
            workspace=snapshot.server.workspace,
            egress=snapshot.server.egress,
            critical_patterns=snapshot.critical_patterns,
        )
        if isinstance(compiled, SchemaProblem):
            return IndexProblem(f"tool {tool.name!r}: {compiled}")
        made[tool.name] = IndexedTool(tool, compiled)
    return made


class _Shared:
    """Members of one group mostly hold the same: what is worked out for one serves the others."""

    def __init__(self, grants: Mapping[str, IndexedGrant]) -> None:
        self._grants = grants
        self._known: dict[frozenset[str], Holdings] = {}

    def principal(self, policy: PrincipalPolicy) -> IndexedPrincipal:
        ids = frozenset(policy.grants)
        if ids not in self._known:
            self._known[ids] = _holdings(tuple(self._grants[id_] for id_ in sorted(ids)))
        return IndexedPrincipal(frozenset(policy.groups), self._known[ids])


def _holdings(grants: Grants) -> Holdings:
    named: dict[str, list[IndexedGrant]] = {}
    loose: list[IndexedGrant] = []
    for grant in grants:
        if grant.exact_names:
            for name in grant.exact_names:
                named.setdefault(name, []).append(grant)
        else:
            loose.append(grant)
    return Holdings(grants, {name: tuple(found) for name, found in named.items()}, tuple(loose))


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
    for pattern in snapshot.critical_patterns:
        if problem := problem_of(pattern):
            yield f"the risk pattern {pattern!r} {problem}"
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
