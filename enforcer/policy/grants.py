"""One grant made ready to match: its window in seconds, its rate read, its constraint compiled.

What can't be read fails closed by the grant's effect: a deny applies always, an allow never.
"""

from dataclasses import dataclass
from math import inf

from enforcer.contract.levels import Risk
from enforcer.contract.snapshot import GrantPolicy, ToolPolicy
from enforcer.contract.times import from_text
from enforcer.policy.globs import is_plain, matches
from enforcer.policy.rates import NO_ROOM, Rate, parse_rate
from enforcer.policy.schema import CompiledSchema, SchemaProblem, compile_constraint


@dataclass(frozen=True, slots=True)
class IndexedGrant:
    """Valid from `starts` until before `ends`, unix seconds. `problem` says what could not be read.

    `exact_names`: the only tools that it can speak of; empty where a glob or a selector is in it.
    """

    policy: GrantPolicy
    starts: float
    ends: float
    rate: Rate | None
    constraint: CompiledSchema | SchemaProblem | None
    problem: str | None
    exact_names: frozenset[str] = (
        frozenset()
    )  # the only tools that it can speak of; empty where a glob or selector is in it

    @property
    def denies(self) -> bool:
        """Whether it is a deny."""
        return self.policy.effect == "deny"

    def holds_at(self, now: float) -> bool:
        """Whether `now` is in its window."""
        return self.starts <= now < self.ends

    def speaks_of(self, tool: ToolPolicy, risk: Risk) -> bool:
        """Whether it selects this tool. `risk` is the call's: a deny by risk looks at both, an allow at the tool's."""
        policy = self.policy
        if policy.risk is not None and policy.risk != tool.risk and not (self.denies and policy.risk == risk):
            return False
        if not policy.tools:  # only a selector may leave out the names: an empty list is never "all"
            return policy.risk is not None and not policy.resources and not policy.prompts
        return any(matches(glob, tool.name) for glob in policy.tools)


def read_grant(policy: GrantPolicy) -> IndexedGrant:
    """Never refuses: `problem` says what fails closed."""
    window = _window(policy)
    rate = None if policy.rate is None else parse_rate(policy.rate)
    constraint = None if policy.constraint is None else compile_constraint(policy.constraint)
    problems = (
        "its window can't be read" if window is None else None,
        f"its rate {policy.rate!r} can't be read" if policy.rate is not None and rate is None else None,
        f"its constraint: {constraint}" if isinstance(constraint, SchemaProblem) else None,
    )
    starts, ends = window or ((-inf, inf) if policy.effect == "deny" else (inf, -inf))
    return IndexedGrant(
        policy=policy,
        starts=starts,
        ends=ends,
        rate=NO_ROOM if policy.rate is not None and rate is None else rate,
        constraint=constraint,
        problem="; ".join(p for p in problems if p) or None,
        exact_names=frozenset(policy.tools) if policy.tools and all(map(is_plain, policy.tools)) else frozenset(),
    )


def _window(policy: GrantPolicy) -> tuple[float, float] | None:
    try:
        starts = -inf if policy.not_before is None else from_text(policy.not_before)
        ends = inf if policy.not_after is None else from_text(policy.not_after)
    except ValueError:
        return None
    return starts, ends
