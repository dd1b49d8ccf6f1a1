"""What `decide` was given, as a receipt keeps it and as a replay reads it (CONTRACTS section 4, `facts`). Pure.

Numbers are brought to thousandths before the decision, never for the receipt alone: what is written is what counted.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TypeGuard

from enforcer.contract.levels import Risk
from enforcer.contract.reasons import ReasonCode
from enforcer.contract.strict_json import JsonObject, JsonValue
from enforcer.policy.arguments import ArgumentFacts
from enforcer.policy.call import Caller
from enforcer.policy.decision import Check, Definition, Facts

MAX_SHOWN = 16
MAX_TEXT = 8192  # characters of all that is shown: JSON makes up to six bytes of one, and a receipt has a bound
DEFINITIONS: tuple[Definition, ...] = ("unseen", "same", "changed")
CHECKS: tuple[Check, ...] = ("pass", "fail", "error")
_SLACK = 1e-6  # thousandths: refilling in small steps may miss a whole token by rounding


class NotRecorded(ValueError):  # noqa: N818 - often so, and no error
    """Why these facts can't be read back."""


def moment(wall: float) -> float:
    """A time, to the thousandth."""
    return math.floor(wall * 1000) / 1000


def age(seconds: float | None) -> float | None:
    """Of a lease, no younger than it is."""
    return seconds if seconds is None or not math.isfinite(seconds) else math.ceil(seconds * 1000) / 1000


def tokens(left: Mapping[str, float]) -> dict[str, float]:
    """Of buckets, no more than there are."""
    return {name: math.floor(count * 1000 + _SLACK) / 1000 for name, count in left.items()}


def exact(value: float) -> int | float:
    """To the thousandth, and whole numbers as such: RFC 8785 writes 1.0 as 1, and only the slow encoder knows that."""
    rounded = round(value, 3)
    return int(rounded) if rounded.is_integer() else rounded


def facts_as_json(facts: Facts | None, now: float | None, caller: Caller | None = None) -> JsonObject:
    """For the receipt: everything a replay needs, and of arguments only resolved paths and hosts."""
    if facts is None:
        return {}
    rates: JsonObject = {name: exact(left) for name, left in facts.rates.items()}
    constraints: JsonObject = dict(facts.constraints)
    return {
        "now": None if now is None else exact(now),
        "lease_age_s": None if facts.lease_age_s is None else exact(facts.lease_age_s),
        "definition": facts.definition,
        "rates": rates,
        "constraints": constraints,
        "arguments": _arguments(facts.arguments),
        "token_id": caller.token_id if caller else None,
        "session_id": caller.session_id if caller else None,
    }


def facts_from_json(recorded: JsonObject) -> tuple[Facts, float]:
    """The facts, and the time of the decision. Raises `NotRecorded` for what no enforcer wrote."""
    now = recorded.get("now")
    if not _is_number(now):
        raise NotRecorded("no decision was recorded with its facts")
    definition = recorded.get("definition")
    constraints, rates = recorded.get("constraints", {}), recorded.get("rates", {})
    if definition not in DEFINITIONS or not isinstance(constraints, dict) or not isinstance(rates, dict):
        raise NotRecorded("its facts can't be read")
    checks = {name: check for name, check in constraints.items() if check in CHECKS}
    left = {name: float(count) for name, count in rates.items() if _is_number(count)}
    if len(checks) < len(constraints) or len(left) < len(rates):
        raise NotRecorded("its facts can't be read")
    lease_age = recorded.get("lease_age_s")
    return Facts(
        lease_age_s=float(lease_age) if _is_number(lease_age) else None,
        definition=definition,
        arguments=_arguments_from(recorded.get("arguments")),
        constraints=checks,
        rates=left,
    ), float(now)


def _is_number(value: JsonValue) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _arguments(found: ArgumentFacts | None) -> JsonObject | None:
    if found is None:
        return None
    paths, left = _few(found.paths, MAX_TEXT)
    urls, _ = _few(found.urls, left)
    problem: list[JsonValue] | None = None if found.problem is None else list(found.problem)
    return {"problem": problem, "paths": paths, "urls": urls, "risk": found.risk, "names_url": found.names_url}


def _arguments_from(recorded: JsonValue) -> ArgumentFacts | None:
    """Paths and URLs were looked at before: what came of it is in the constraints and the problem."""
    if recorded is None:
        return None
    if not isinstance(recorded, dict):
        raise NotRecorded("its facts can't be read")
    problem, risk = recorded.get("problem"), recorded.get("risk")
    try:
        code = (ReasonCode(str(problem[0])), str(problem[-1])) if isinstance(problem, list) and problem else None
        level = None if risk is None else Risk(str(risk))
    except ValueError:
        raise NotRecorded("its facts are of another version") from None
    return ArgumentFacts(code, {}, (), (), level, recorded.get("names_url") is True)


def _few(found: Sequence[tuple[str, str]], left: int) -> tuple[list[JsonValue], int]:
    """As many as fit, and how many characters are left."""
    shown: list[JsonValue] = []
    for pointer, value in found[:MAX_SHOWN]:
        left -= len(pointer) + len(value)
        if left < 0:
            break
        shown.append([pointer, value])
    return shown, max(left, 0)
