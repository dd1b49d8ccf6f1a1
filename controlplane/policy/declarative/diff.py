"""What applying a file would change, as values and as lines for people: `+` new, `~` changed, `-` removed."""

import json
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, fields
from typing import Literal

from controlplane.grants.specs import GrantSpec
from controlplane.inventory.specs import RiskPatternSpec, ToolSpec
from controlplane.policy.declarative.policy import SECTIONS, KillSpec, Policy, Spec, section
from controlplane.principals.models import OWN_ISSUER
from controlplane.principals.specs import PrincipalSpec

NEVER_PRUNED = ("trust_levels", "kill_switches")
LONGEST_VALUE = 60


@dataclass(frozen=True, slots=True)
class Change:
    """One object of one section; `before` is absent for `+`, `after` for `-`."""

    section: str
    noun: str
    key: Hashable
    before: Spec | None
    after: Spec | None

    @property
    def sign(self) -> Literal["+", "~", "-"]:
        """What happens to the object."""
        return "+" if self.before is None else "-" if self.after is None else "~"

    def line(self) -> str:
        """`~ tool files/fs_read: risk LOW -> MEDIUM`"""
        spec = self.after or self.before
        assert spec is not None
        text = f"{self.sign} {self.noun} {label(spec)}"
        if self.before is None or self.after is None:
            return text
        return f"{text}: {', '.join(_differences(self.before, self.after))}"


def diff(current: Policy, said: Policy, *, prune: bool) -> tuple[Change, ...]:
    """Changes in the order in which they can be written: what is new or different, then what goes, last made first."""
    made: list[Change] = []
    gone: list[Change] = []
    for name, noun in SECTIONS:
        before, after = section(current, name), section(said, name)
        for key, spec in after.items():
            if key not in before or (before[key] != spec and not isinstance(spec, KillSpec)):
                made.append(Change(name, noun, key, before.get(key), spec))
        if prune and name not in NEVER_PRUNED:
            stays = after.keys() | (current.backends_in_use if name == "vault_backends" else ())
            gone += [Change(name, noun, key, spec, None) for key, spec in before.items() if key not in stays]
    return (*made, *reversed(gone))


def left_alone(current: Policy, said: Policy) -> str:
    """`3 grants, 1 tools` that the file doesn't name; empty where it names all."""
    counts = {name: len(section(current, name).keys() - section(said, name).keys()) for name, _ in SECTIONS}
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count and name not in NEVER_PRUNED)


def label(spec: Spec) -> str:
    """How a person knows the object."""
    if isinstance(spec, ToolSpec):
        return f"{spec.server_id}/{spec.name}"
    if isinstance(spec, RiskPatternSpec):
        return f"{spec.where} {spec.pattern}"
    if isinstance(spec, PrincipalSpec):
        return spec.subject if spec.issuer == OWN_ISSUER else f"{spec.subject} of {spec.issuer}"
    if isinstance(spec, GrantSpec):
        return f"{spec.key}: {spec.effect} {spec.who} {spec.what}"
    return str(getattr(spec, fields(spec)[0].name))


def _differences(before: Spec, after: Spec) -> Iterable[str]:
    for field in fields(after):
        old, new = getattr(before, field.name), getattr(after, field.name)
        if old != new:
            shown = f"{_shown(old)} -> {_shown(new)}"
            yield f"{field.name.removesuffix('_id')} " + (shown if len(shown) <= LONGEST_VALUE else "changed")


def _shown(value: object) -> str:
    if value is None or value == "":
        return "none"
    if isinstance(value, str) and value.isprintable() and " " not in value:
        return str(value)
    return json.dumps(value, default=str)
