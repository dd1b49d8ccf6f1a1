"""Targets of kill switches: a closed set of kinds (CONTRACTS section 5)."""

import re
from dataclasses import dataclass
from typing import Literal, get_args

from enforcer.contract.levels import Risk, TrustLevel

Kind = Literal["all", "server", "tool", "risk", "trust", "principal", "group", "session", "credential", "enforcer"]
KINDS: tuple[str, ...] = get_args(Kind)
ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


@dataclass(frozen=True, slots=True)
class Target:
    """`tool` has server and name (a glob); `all` has neither; the others have `name`."""

    kind: Kind
    name: str = ""
    server: str = ""


def parse_target(text: str) -> Target | str:
    """The target, or one sentence saying what would be right."""
    if text == "all":
        return Target("all")
    kind, colon, rest = text.partition(":")
    if not colon or kind not in KINDS or kind == "all":
        return f"{text!r} is no target; write all or one of {', '.join(k + ':…' for k in KINDS[1:])}"
    problem = _problem(kind, rest)
    if problem:
        return f"{text!r}: {problem}"
    if kind == "tool":
        server, _, name = rest.partition("/")
        return Target("tool", name, server)
    return Target(kind, rest)  # type: ignore[arg-type]  # kind is in KINDS


def _problem(kind: str, rest: str) -> str | None:
    if kind == "tool":
        server, slash, name = rest.partition("/")
        return None if slash and name and ID.fullmatch(server) else "write tool:SERVER/NAME"
    if kind in ("server", "enforcer", "credential"):
        return None if ID.fullmatch(rest) else f"write {kind}:ID"
    if kind == "risk":
        return None if rest in set(Risk) else "write risk: and one of " + ", ".join(Risk)
    if kind == "trust":
        return None if rest in set(TrustLevel) else "write trust: and one of " + ", ".join(TrustLevel)
    return None if rest else f"write {kind}:NAME"
