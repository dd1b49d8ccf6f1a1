"""Patterns of dangerous words that the security team adds to the defaults. They raise a risk and never lower one.

A pattern is searched for with the linear engine of the schemas (schemas/engine.py), in one place: the tool's name, its
description, or the texts of arguments. Of a call, only a CRITICAL pattern of arguments counts, as a default one does
(CONTRACTS section 5); all of them count where a risk is proposed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from enforcer.contract.levels import Risk
from enforcer.policy.schemas.engine import fits, pattern_test

Where = Literal["name", "description", "arguments"]
PLACES: tuple[Where, ...] = get_args(Where)
RISKS = (Risk.MEDIUM, Risk.HIGH, Risk.CRITICAL)
LONGEST = 500  # characters of a pattern
MOST = 200  # patterns


@dataclass(frozen=True, slots=True)
class RiskPattern:
    """What to look for, where, and what finding it means."""

    pattern: str
    risk: Risk
    where: Where


def problem_of(pattern: str) -> str | None:
    """Why a pattern can't be used: it must be quick to match, whatever it is matched with."""
    if len(pattern) > LONGEST:
        return f"has {len(pattern)} characters; {LONGEST} are allowed"
    if pattern_test(pattern, light=True) is None:
        return "is no expression that can be matched in linear time, or a very large one"
    return "matches everything" if fits(pattern, "") else None


def matching(patterns: Iterable[RiskPattern], where: Where, texts: Sequence[str]) -> list[RiskPattern]:
    """Those of this place that occur in one of the texts."""
    return [each for each in patterns if each.where == where and any(fits(each.pattern, text) for text in texts)]
