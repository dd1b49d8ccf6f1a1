"""A grant in one sentence, as somebody would say it: who may call what, up to which risk, when, how often, and why."""

import json
from collections.abc import Sequence

from controlplane.grants.models import Grant
from enforcer.contract.strict_json import JsonObject
from enforcer.policy.rates import SHARED

ANY = "*"


def sentence(grant: Grant) -> str:
    """`ada may call git_status and git_show on git, up to MEDIUM risk, at most 10 times a minute.`"""
    verb = "may" if grant.effect == "allow" else "must not"
    parts = [f"{_who(grant)} {verb} call {_what(grant)}"]
    if grant.effect == "allow":
        parts.append(f"up to {grant.max_risk} risk without an approval")
    if grant.constraint is not None:
        parts.append(f"where {_where(grant.constraint)}")
    if grant.rate:
        count, _, period = grant.rate.removesuffix(SHARED).partition("/")
        together = ", all enforcers of a server together" if grant.rate.endswith(SHARED) else ""
        parts.append(f"at most {count} times a {period}{together}")
    if grant.not_before:
        parts.append(f"from {grant.not_before:%-d %B %Y %H:%M} UTC")
    if grant.not_after:
        parts.append(f"until {grant.not_after:%-d %B %Y %H:%M} UTC")
    return f"{', '.join(parts)}."


def _who(grant: Grant) -> str:
    if grant.group:
        return f"Everybody in {grant.group.name}"
    return str(grant.principal)


def _what(grant: Grant) -> str:
    if grant.server_id:
        tools = "every tool" if grant.tools == [ANY] else _listed(grant.tools)
        return f"{tools} on {grant.server_id}"
    risk = f" of {grant.risk} risk" if grant.risk else ""
    where = f"servers trusted as {grant.trust}" if grant.trust else "every server"
    return f"every tool{risk} on {where}"


def _listed(names: Sequence[str]) -> str:
    if len(names) <= 1:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _where(constraint: JsonObject) -> str:
    """The common form, a pattern for a field, in words; anything else as it is written."""
    properties = constraint.get("properties")
    if isinstance(properties, dict) and constraint.keys() <= {"properties", "type"}:
        simple = [_pattern(name, rule) for name, rule in properties.items()]
        if all(simple):
            return " and ".join(simple)
    return f"the arguments satisfy {json.dumps(constraint, sort_keys=True)}"


def _pattern(name: str, rule: object) -> str:
    if isinstance(rule, dict) and rule.keys() == {"pattern"}:
        return f"{name} matches {rule['pattern']}"
    if isinstance(rule, dict) and rule.keys() == {"const"}:
        return f"{name} is {json.dumps(rule['const'])}"
    if isinstance(rule, dict) and rule.keys() == {"enum"} and isinstance(rule["enum"], list):
        return f"{name} is one of {', '.join(json.dumps(value) for value in rule['enum'])}"
    return ""
