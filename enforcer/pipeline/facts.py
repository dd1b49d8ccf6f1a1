"""Gathers what `decide` is given beyond the call, and writes it down for the receipt."""

import os
from collections.abc import Sequence
from pathlib import Path

from enforcer.contract.strict_json import JsonObject, JsonValue
from enforcer.policy.arguments import ArgumentFacts
from enforcer.policy.decision import Facts
from enforcer.policy.preflight import Real

MAX_SHOWN = 16
MAX_TEXT = 8192  # characters of all that is shown: JSON makes up to six bytes of one, and a receipt has a bound


def disk_view(workspace: str | None) -> Real | None:
    """How links are followed; nothing where this host lacks the workspace, so that paths are decided by their text."""
    if workspace is None or not Path(workspace).is_dir():
        return None
    return real_path


def real_path(path: str) -> str | None:
    """The path with the links of its longest existing part followed; nothing on a loop or where that can't be seen."""
    missing: list[str] = []
    while True:
        try:
            return str(Path(os.path.realpath(path, strict=True), *reversed(missing)))
        except FileNotFoundError:
            path, name = os.path.split(path)
        except (OSError, ValueError):
            return None
        if name in ("", ".", "..") or os.path.islink(os.path.join(path, name)):  # noqa: PTH114, PTH118 - thousands of parts
            return None  # a link to nothing: what will be there is not known
        missing.append(name)


def exact(value: float) -> int | float:
    """To the thousandth, and whole numbers as such: RFC 8785 writes 1.0 as 1, and only the slow encoder knows that."""
    rounded = round(value, 3)
    return int(rounded) if rounded.is_integer() else rounded


def facts_as_json(facts: Facts | None, now: float | None) -> JsonObject:
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
    }


def _arguments(found: ArgumentFacts | None) -> JsonObject | None:
    if found is None:
        return None
    paths, left = _few(found.paths, MAX_TEXT)
    urls, _ = _few(found.urls, left)
    problem: list[JsonValue] | None = None if found.problem is None else list(found.problem)
    return {"problem": problem, "paths": paths, "urls": urls, "risk": found.risk, "names_url": found.names_url}


def _few(found: Sequence[tuple[str, str]], left: int) -> tuple[list[JsonValue], int]:
    """As many as fit, and how many characters are left."""
    shown: list[JsonValue] = []
    for pointer, value in found[:MAX_SHOWN]:
        left -= len(pointer) + len(value)
        if left < 0:
            break
        shown.append([pointer, value])
    return shown, max(left, 0)
