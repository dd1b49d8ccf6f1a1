"""How risky a call's arguments look.

Patterns are sought in every text, and in lists of texts joined as the command lines they may be. A text is cut into
commands and statements, and each of these into words, once; so the time is linear in the text, whoever wrote it.
A miss here is not a hole: the declared risk, the grants and the sandbox hold without it.
"""

import re
from collections.abc import Iterable, Iterator

from enforcer.contract.levels import Risk
from enforcer.contract.strict_json import JsonObject, JsonValue
from enforcer.policy.risk_commands import QUOTES, command_risk
from enforcer.policy.risk_sql import statement_risk
from enforcer.policy.schemas.engine import fits

_TRIGGER = re.compile(
    r"rm|rd|del|dd|mkfs|format|shred|wipefs|ch(?:mod|own|grp)|find|git|drop|truncate|curl|wget|fetch|/dev/|:\(\)"
    r"|nc|iwr|base64|xxd|invoke"
)
_COMMAND_KEYS = ("command", "cmd", "program", "executable", "bin")
_ARGUMENT_KEYS = ("args", "argv", "arguments", "parameters")


def classify_call(arguments: JsonValue) -> Risk | None:
    """CRITICAL or HIGH where a default pattern matches; none where none does."""
    worst: Risk | None = None
    for text in _texts(arguments):
        if text and _TRIGGER.search(text.lower().translate(QUOTES)):
            worst = _higher(worst, command_risk(text), statement_risk(text))
            if worst is Risk.CRITICAL:
                return worst
    return worst


def is_critical(arguments: JsonValue, patterns: Iterable[str] = ()) -> bool:
    """Whether a default pattern, or one of the security team's own, makes the call CRITICAL."""
    if classify_call(arguments) is Risk.CRITICAL:
        return True
    return any(fits(pattern, text) for pattern in patterns for text in _texts(arguments))


def _texts(arguments: JsonValue) -> Iterator[str]:
    """Every text, every list of texts as one command line, and a command with its list of arguments."""
    pending = [arguments]
    while pending:
        value = pending.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            pending.extend(value)
            yield _line(value)
        elif isinstance(value, dict):
            pending.extend(value.values())
            yield _line(_command(value))


def _command(value: JsonObject) -> Iterator[JsonValue]:
    if any(key in value for key in _COMMAND_KEYS):
        for key in (*_COMMAND_KEYS, *_ARGUMENT_KEYS):
            part = value.get(key)
            yield from part if isinstance(part, list) else [part]


def _line(words: Iterable[JsonValue]) -> str:
    return " ".join(word for word in words if isinstance(word, str))


def _higher(*risks: Risk | None) -> Risk | None:
    known = [risk for risk in risks if risk is not None]
    return max(known, key=lambda risk: risk.rank) if known else None
