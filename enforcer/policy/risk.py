"""How risky a call's arguments and a tool's definition look.

Patterns are sought in every text, and in lists of texts joined as the command lines they may be. A text is cut into
commands and statements, and each of these into words, once; so the time is linear in the text, whoever wrote it.
A miss here is not a hole: the declared risk, the grants and the sandbox hold without it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from enforcer.contract.levels import Risk
from enforcer.contract.strict_json import JsonObject, JsonValue
from enforcer.policy.risk_commands import QUOTES, command_risk
from enforcer.policy.risk_sql import statement_risk
from enforcer.policy.schemas.node import word_set

_TRIGGER = re.compile(
    r"rm|rd|del|dd|mkfs|format|shred|wipefs|ch(?:mod|own|grp)|find|git|drop|truncate|curl|wget|fetch|/dev/|:\(\)"
    r"|nc|iwr|base64|xxd|invoke"
)
_COMMAND_KEYS = ("command", "cmd", "program", "executable", "bin")
_ARGUMENT_KEYS = ("args", "argv", "arguments", "parameters")
_NAME_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_BY_NAME: tuple[tuple[Risk, frozenset[str]], ...] = (
    (Risk.CRITICAL, word_set("drop wipe format destroy shutdown reboot erase")),
    (
        Risk.HIGH,
        word_set(
            "delete remove exec execute run shell bash command eval kill push reset force transfer pay refund deploy"
            " grant revoke truncate purge uninstall install terminate rm sudo publish rollback restore impersonate"
        ),
    ),
    (
        Risk.MEDIUM,
        word_set(
            "write create update set add move rename copy edit commit post put insert append upload save send checkout"
            " merge stage replace modify fetch download navigate click start stop enable disable"
        ),
    ),
    (
        Risk.LOW,
        word_set(
            "get list read search status show diff log time convert find describe count view info query lookup echo"
            " help ping version"
        ),
    ),
)
_CODE_ARGUMENTS = word_set("command cmd script code sql shell eval expression program statement")
_GRAVE_PROSE = re.compile(r"permanent|irreversib|cannot be undone|can't be undone|destructive|overwrit", re.IGNORECASE)


def classify_call(arguments: JsonValue) -> Risk | None:
    """CRITICAL or HIGH where a default pattern matches; none where none does."""
    worst: Risk | None = None
    for text in _texts(arguments):
        if text and _TRIGGER.search(text.lower().translate(QUOTES)):
            worst = _higher(worst, command_risk(text), statement_risk(text))
            if worst is Risk.CRITICAL:
                return worst
    return worst


def propose(name: str, description: str, annotations: Mapping[str, JsonValue], schema: JsonObject) -> tuple[Risk, str]:
    """A first risk for a tool, and why. What the server says of itself can raise it, never lower it."""
    risk, why = _of_name(name)
    properties = schema.get("properties")
    code = sorted(_CODE_ARGUMENTS.intersection(properties)) if isinstance(properties, dict) else []
    for raised, reason in (
        (bool(code), f"it takes {', '.join(code)}"),
        (annotations.get("destructiveHint") is True, "it says of itself that it destroys"),
        (_GRAVE_PROSE.search(description) is not None, "its description speaks of lasting harm"),
    ):
        if raised and risk.rank < Risk.HIGH.rank:
            risk, why = Risk.HIGH, reason
    return risk, why


def _of_name(name: str) -> tuple[Risk, str]:
    words = {word.lower() for word in _NAME_WORDS.findall(name)}
    for risk, known in _BY_NAME:
        if words & known:
            return risk, f"its name says {min(words & known)!r}"
    return Risk.MEDIUM, "nothing in its name says what it does"


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
