"""Effective access: who can call what, and why, before any arguments are known; and what two policies differ in.

Everything is asked of the functions that decide calls, so nothing here can say something else than a gate would.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from enforcer.contract.incident import Incident
from enforcer.contract.levels import Risk
from enforcer.contract.reasons import ReasonCode
from enforcer.policy.call import Call, Caller
from enforcer.policy.decision import Decision, Facts
from enforcer.policy.index import Index
from enforcer.policy.rates import NO_ROOM
from enforcer.policy.standing import Standing, standing

Verdict = Literal["callable", "approval", "refused"]
MOST_PAIRS = 200_000  # of principals and tools that a difference looks at
_FRESH = Facts(0.0)
_RANK: dict[Verdict, int] = {"refused": 0, "approval": 1, "callable": 2}


@dataclass(frozen=True, slots=True)
class Access:
    """One principal and one tool. `reason`: the code of a refusal. Ids of grants; `denies` have constraints.

    `constrained`: it passes only with arguments that satisfy an allow's constraint. `limited`: every allow has a rate.
    """

    subject: str
    issuer: str
    tool: str
    risk: Risk
    verdict: Verdict
    reason: ReasonCode | None = None
    decided_by: str | None = None
    allows: tuple[str, ...] = ()
    denies: tuple[str, ...] = ()
    constrained: bool = False
    limited: bool = False


@dataclass(frozen=True, slots=True)
class Pair:
    """A principal and a tool between two policies."""

    subject: str
    issuer: str
    tool: str
    before: Verdict
    after: Verdict


@dataclass(frozen=True, slots=True)
class Difference:
    """Pairs that lead further than before, and less far. Not `whole`: there were too many to look at all."""

    wider: tuple[Pair, ...]
    narrower: tuple[Pair, ...]
    whole: bool


def access_to(index: Index, incident: Incident, subject: str, issuer: str, tool: str, now: float) -> Access:
    """Of a tool of this index; `now` is unix seconds. Raises `KeyError` for a tool that the index lacks."""
    declared = index.tools[tool].policy.risk
    call = Call("", index.snapshot.server_id, tool, Caller(subject, issuer))
    at = standing(index, incident, call, _FRESH, now)
    if isinstance(at, Decision):
        return Access(subject, issuer, tool, declared, "refused", at.reasons[0], at.policy_id)
    return _standing(at, subject, issuer)


def forward(index: Index, incident: Incident, subject: str, issuer: str, now: float) -> Iterator[Access]:
    """Every tool that a grant of this principal speaks of, in the order of names."""
    principal = index.principal(subject, issuer)
    for name in sorted(index.tools):
        tool = index.tools[name].policy
        if principal.grants_for(tool, tool.risk):
            yield access_to(index, incident, subject, issuer, name, now)


def backward(index: Index, incident: Incident, tool: str, now: float) -> Iterator[Access]:
    """Every principal of whose grants one speaks of this tool, in the order of subjects."""
    policy = index.tools[tool].policy
    for subject, issuer in sorted(index.principals):
        if index.principal(subject, issuer).grants_for(policy, policy.risk):
            yield access_to(index, incident, subject, issuer, tool, now)


def difference(old: Index | None, new: Index | None, incident: Incident, now: float) -> Difference:
    """From one policy of a server to another; none is a server that nobody could call."""
    pairs = _candidates(old, new)
    looked = [pair for _, pair in zip(range(MOST_PAIRS), pairs, strict=False)]
    wider: list[Pair] = []
    narrower: list[Pair] = []
    for subject, issuer, tool in looked:
        before, after = (_verdict(side, incident, subject, issuer, tool, now) for side in (old, new))
        if before != after:
            pair = Pair(subject, issuer, tool, before, after)
            (wider if _RANK[after] > _RANK[before] else narrower).append(pair)
    return Difference(tuple(wider), tuple(narrower), next(pairs, None) is None)


def _standing(at: Standing, subject: str, issuer: str) -> Access:
    trust = at.case.index.snapshot.trust
    in_use = (grant for grant in at.allows if grant.rate != NO_ROOM)  # a rate that can't be read never has room
    highest = max((grant.policy.max_risk.rank for grant in in_use), default=-1)
    passes = at.risk.rank <= min(highest, trust.ceiling.rank)
    return Access(
        subject=subject,
        issuer=issuer,
        tool=at.tool.policy.name,
        risk=at.risk,
        verdict="callable" if passes else "approval",
        allows=tuple(grant.policy.id for grant in at.allows),
        denies=tuple(grant.policy.id for grant in at.denies),
        constrained=all(grant.constraint is not None for grant in at.allows),
        limited=all(grant.rate is not None for grant in at.allows),
    )


def _verdict(index: Index | None, incident: Incident, subject: str, issuer: str, tool: str, now: float) -> Verdict:
    if index is None or tool not in index.tools:
        return "refused"
    return access_to(index, incident, subject, issuer, tool, now).verdict


def _candidates(old: Index | None, new: Index | None) -> Iterator[tuple[str, str, str]]:
    """Pairs that may differ: of principals or tools that do, of all where the server's level does."""
    sides = [index for index in (old, new) if index is not None]
    tools = sorted({name for index in sides for name in index.tools})
    people = sorted({who for index in sides for who in index.principals})
    everything = old is None or new is None or old.snapshot.trust != new.snapshot.trust
    changed_tools = set(tools) if everything else {name for name in tools if _tool(old, name) != _tool(new, name)}
    for subject, issuer in people:
        changed = everything or _holds(old, subject, issuer) != _holds(new, subject, issuer)
        for tool in tools if changed else sorted(changed_tools):
            yield subject, issuer, tool


def _tool(index: Index | None, name: str) -> object:
    found = index.tools.get(name) if index else None
    return found.policy if found else None


def _holds(index: Index | None, subject: str, issuer: str) -> object:
    grants: Iterable[object] = ()
    if index is not None:
        grants = (grant.policy for grant in index.grants_of(subject, issuer))
    return tuple(grants)
