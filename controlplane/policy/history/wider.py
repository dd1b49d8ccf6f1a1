"""Whether a difference lets more through. What is not surely narrower counts as wider, for a person to look at."""

from collections.abc import Iterable
from typing import Literal

from enforcer.contract.levels import Risk
from enforcer.contract.strict_json import JsonObject, JsonValue

Reach = Literal["wider", "narrower", "neither"]
STOPS = ("critical_patterns", "kill_switches", "revoked_principals", "revoked_tokens", "quarantined", "egress_blocked")
TRUSTED = ("identity_providers", "token_keys")
_RANKS = {risk.value: risk.rank for risk in Risk}


def reach(section: str, old: JsonValue, new: JsonValue) -> Reach:
    """Of one object of a document that came (`old` is None), went (`new` is None) or changed."""
    if section in STOPS:
        return "neither" if old and new else "narrower" if old is None else "wider"
    if section in TRUSTED:
        return "narrower" if new is None else "wider"
    before, after = _object(old), _object(new)
    match section:
        case "grants":
            return _grant(before, after)
        case "tools":
            return _tool(before, after)
        case "principals":
            return _principal(before, after)
        case "trust":
            return _trust(before, after)
        case "server":
            return _server(before, after)
        case _:
            return "wider"


def _grant(old: JsonObject, new: JsonObject) -> Reach:
    """A deny works the other way round."""
    effects = {side.get("effect") for side in (old, new) if side}
    if len(effects) == 2:
        return "wider" if new.get("effect") == "allow" else "narrower"
    if not old or not new:
        return "wider" if bool(new) == ("allow" in effects) else "narrower"
    changed = [name for name in old.keys() | new.keys() if old.get(name) != new.get(name)]
    ways = (_limit(name, old.get(name), new.get(name)) for name in changed)
    return _together(ways if "allow" in effects else map(_turned, ways))


def _limit(name: str, old: JsonValue, new: JsonValue) -> Reach:
    """How a field of an allow moved it."""
    if name in ("tools", "resources", "prompts"):
        return "narrower" if _texts(new) <= _texts(old) else "wider"
    if name == "max_risk":
        default = Risk.MEDIUM.value
        return "narrower" if _rank(new or default) < _rank(old or default) else "wider"
    if name in ("constraint", "rate", "not_before", "not_after", "risk") and old is None:
        return "narrower"
    if name == "not_after" and isinstance(old, str) and isinstance(new, str):
        return "narrower" if new < old else "wider"
    if name == "not_before" and isinstance(old, str) and isinstance(new, str):
        return "narrower" if new > old else "wider"
    return "wider"


def _turned(way: Reach) -> Reach:
    return "narrower" if way == "wider" else "wider"


def _tool(old: JsonObject, new: JsonObject) -> Reach:
    if not new:
        return "narrower"
    if new.get("state") != "reviewed":
        return "narrower" if old.get("state") == "reviewed" else "neither"
    if old.get("state") != "reviewed":
        return "wider"
    guards = ("input_schema", "path_arguments", "url_arguments", "pin")
    moved = any(old.get(name) != new.get(name) for name in guards)
    return "wider" if moved or _rank(new.get("risk")) < _rank(old.get("risk")) else "narrower"


def _principal(old: JsonObject, new: JsonObject) -> Reach:
    """Whom a grant names now; whether the grant allows, its own entry says."""
    before, after = _texts(old.get("grants")), _texts(new.get("grants"))
    if after - before or _texts(new.get("groups")) - _texts(old.get("groups")):
        return "wider"
    return "narrower" if before - after else "neither"


def _trust(old: JsonObject, new: JsonObject) -> Reach:
    if not old or not new:
        return "neither"
    longer = any(_number(new.get(name)) > _number(old.get(name)) for name in ("stale_high_s", "stale_all_s"))
    looser = (old.get("pins"), new.get("pins")) == ("required", "optional")
    higher = _rank(new.get("ceiling")) > _rank(old.get("ceiling"))
    return "wider" if longer or looser or higher or old.get("name") != new.get("name") else "narrower"


def _server(old: JsonObject, new: JsonObject) -> Reach:
    """Where it may go, what it is given, how it is shut in."""
    changed = {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)} - {"title"}
    if not (old and new and changed):
        return "neither"
    return "narrower" if changed == {"egress"} and _texts(new.get("egress")) <= _texts(old.get("egress")) else "wider"


def _together(ways: Iterable[Reach]) -> Reach:
    found = set(ways)
    return "wider" if "wider" in found else "narrower" if found else "neither"


def _object(value: JsonValue) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _texts(value: JsonValue) -> set[str]:
    return {str(item) for item in value} if isinstance(value, list) else set()


def _rank(value: JsonValue) -> int:
    return _RANKS.get(str(value), -1)


def _number(value: JsonValue) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
