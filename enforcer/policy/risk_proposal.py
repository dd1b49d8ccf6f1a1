"""A first risk for a tool, and why: from all that its definition says.

What the server says of itself can raise a risk and never lower it. Sizes are anybody's, so each look is bounded.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from enforcer.contract.levels import Risk
from enforcer.contract.strict_json import JsonObject, JsonValue
from enforcer.policy.risk import classify_call
from enforcer.policy.risk_patterns import RiskPattern, Where, matching
from enforcer.policy.schemas.node import word_set

MOST_NODES = 5_000  # of a schema
LONGEST_TEXT = 20_000  # characters looked at
NAMED = 5  # arguments named in a reason
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
_CODE = word_set("command cmd script code sql shell eval expression program statement")
_ADDRESSES = word_set("url urls uri uris href endpoint webhook callback")
_PATHS = word_set("path paths filepath filename file files dir directory folder")
_GRAVE_PROSE = re.compile(r"permanent|irreversib|cannot be undone|can't be undone|destructive|overwrit", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reason:
    """What was seen, and what it speaks for."""

    risk: Risk
    says: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """The worst that any reason speaks for, that reason first. `doubts`: what contradicts itself."""

    risk: Risk
    reasons: tuple[Reason, ...]
    doubts: tuple[str, ...] = ()

    @property
    def why(self) -> str:
        """The reason that decided, in a few words."""
        return self.reasons[0].says


def propose(definition: JsonObject, patterns: Sequence[RiskPattern] = ()) -> Proposal:
    """`definition` as in `tools/list`; what it lacks says nothing. `patterns`: the security team's own."""
    reasons = [_of_name(_text(definition, "name")), *_of_schema(definition.get("inputSchema")), *_of_words(definition)]
    reasons += _of_patterns(definition, patterns)
    worst = max(reason.risk.rank for reason in reasons)
    ordered = sorted(reasons, key=lambda reason: -reason.risk.rank)
    risk = next(risk for risk in Risk if risk.rank == worst)
    return Proposal(risk, tuple(ordered), tuple(_doubts(definition, risk)))


def _of_name(name: str) -> Reason:
    words = {word.lower() for word in _NAME_WORDS.findall(name[:LONGEST_TEXT])}
    for risk, known in _BY_NAME:
        if words & known:
            return Reason(risk, f"its name says {min(words & known)!r}")
    return Reason(Risk.MEDIUM, "nothing in its name says what it does")


def _of_schema(schema: JsonValue) -> Iterator[Reason]:
    names, texts = _within(schema)
    for risk, known, noun in (
        (Risk.HIGH, _CODE, "code or commands"),
        (Risk.MEDIUM, _ADDRESSES, "addresses"),
        (Risk.LOW, _PATHS, "paths"),
    ):
        found = sorted(name for name in names if known & {word.lower() for word in _NAME_WORDS.findall(name)})
        if found:
            yield Reason(risk, f"it takes {noun}: {', '.join(found[:NAMED])}{', …' if len(found) > NAMED else ''}")
    offered = classify_call(list[JsonValue](texts))
    if offered is not None:
        yield Reason(offered, "its schema offers a command or statement that destroys")


def _of_words(definition: JsonObject) -> Iterator[Reason]:
    annotations = definition.get("annotations")
    if isinstance(annotations, dict) and annotations.get("destructiveHint") is True:
        yield Reason(Risk.HIGH, "it says of itself that it destroys")
    description = f"{_text(definition, 'title')} {_text(definition, 'description')}"[:LONGEST_TEXT]
    if _GRAVE_PROSE.search(description):
        yield Reason(Risk.HIGH, "its description speaks of lasting harm")
    shown = classify_call(description)
    if shown is not None:
        yield Reason(shown, "its description shows a command or statement that destroys")


def _of_patterns(definition: JsonObject, patterns: Sequence[RiskPattern]) -> Iterator[Reason]:
    said = [_text(definition, "title"), _text(definition, "description")]
    _, offered = _within(definition.get("inputSchema"))
    looks: tuple[tuple[Where, list[str], str], ...] = (
        ("name", [_text(definition, "name")], "its name"),
        ("description", said, "its description"),
        ("arguments", offered, "a value that its schema offers"),
    )
    for place, texts, noun in looks:
        for found in matching(patterns, place, texts):
            yield Reason(found.risk, f"{noun} matches the pattern {found.pattern[:60]!r}")


def _doubts(definition: JsonObject, risk: Risk) -> Iterator[str]:
    annotations = definition.get("annotations")
    if isinstance(annotations, dict) and annotations.get("readOnlyHint") is True and risk.rank >= Risk.HIGH.rank:
        yield "It says of itself that it only reads; that is not believed."


def _within(schema: JsonValue) -> tuple[list[str], list[str]]:
    """Names of arguments at any depth, and the texts that it offers as values."""
    names: list[str] = []
    texts: list[str] = []
    pending: list[JsonValue] = [schema]
    for _ in range(MOST_NODES):
        if not pending:
            break
        value = pending.pop()
        if isinstance(value, list):
            pending += value[:MOST_NODES]
        elif isinstance(value, dict):
            properties = value.get("properties")
            names += list(properties)[:MOST_NODES] if isinstance(properties, dict) else []
            for key in ("enum", "examples", "default", "const"):
                offered = value.get(key)
                texts += [
                    each for each in (offered if isinstance(offered, list) else [offered]) if isinstance(each, str)
                ]
            pending += list(value.values())[:MOST_NODES]
    return names[:MOST_NODES], [text[:LONGEST_TEXT] for text in texts[:100]]


def _text(definition: JsonObject, key: str) -> str:
    value = definition.get(key)
    return value[:LONGEST_TEXT] if isinstance(value, str) else ""
