"""What one sighting of a live definition makes of one tool (CONTRACTS section 5, "Declared tools")."""

from datetime import datetime
from typing import Any

from controlplane.common.numbers import as_read
from controlplane.inventory.definition import propose_for, storable
from controlplane.inventory.models import Definition, Tool, ToolState
from enforcer.contract.canonical import canonical
from enforcer.contract.sighting import Sighting
from enforcer.contract.strict_json import JsonObject

MOST_DEFINITIONS = 20  # of a tool, beside the approved one and the newest


def take(tool: Tool, sighting: Sighting, *, at: datetime, enforcer_id: str) -> str:
    """One word for what became of it: new, pinned, held, twice, gone, seen; empty where it was known already."""
    if sighting.what == "gone":
        return _gone(tool, at)
    fresh, state, pin = tool.pk is None, tool.state, tool.pin
    known = not fresh and tool.seen == sighting.hash
    _settle(tool, sighting)
    if fresh or (tool.state, tool.pin) != (state, pin):
        tool.save()
    elif _awaits_first_review(tool):
        Tool.objects.filter(pk=tool.pk).update(input_schema=tool.input_schema, risk=tool.risk)
    if sighting.what == "seen":
        _keep(tool, sighting, at, enforcer_id)
    _note(tool, seen=sighting.hash, seen_at=at, twice=sighting.what == "twice", vanished_at=None)
    if sighting.what == "twice":
        return "" if known else "twice"
    return (
        "new" if fresh else "held" if tool.state != state else "pinned" if tool.pin != pin else "" if known else "seen"
    )


def _word(sighting: Sighting, *, fresh: bool, moved: tuple[bool, bool], known: bool) -> str:
    held, pinned = moved
    if sighting.what == "twice" and not known:
        return "twice"
    if fresh or held or pinned:
        return "new" if fresh else "held" if held else "pinned"
    return "" if known else "seen"


def schema_of(definition: JsonObject | None) -> JsonObject | None:
    """The input schema of a definition, where it has one."""
    schema = definition.get("inputSchema") if definition else None
    return schema if isinstance(schema, dict) else None


def same_schema(one: JsonObject, other: JsonObject | None) -> bool:
    """Whether a live input schema is the one that a row has."""
    return other is not None and canonical(as_read(one)) == canonical(other)


def _gone(tool: Tool, at: datetime) -> str:
    if not tool.seen:
        return ""
    _note(tool, seen="", twice=False, vanished_at=at)
    return "gone"


def _settle(tool: Tool, sighting: Sighting) -> None:
    if _awaits_first_review(tool):
        tool.input_schema = storable(schema_of(sighting.definition) or {})
        tool.risk = propose_for(sighting.definition or {"name": tool.name})
    elif tool.state == ToolState.REVIEWED and tool.pin != sighting.hash:
        if not tool.pin and same_schema(tool.input_schema, schema_of(sighting.definition)):
            tool.pin = sighting.hash
        else:
            tool.state = ToolState.CHANGED


def _awaits_first_review(tool: Tool) -> bool:
    return tool.state == ToolState.UNREVIEWED and not tool.declared and not tool.pin


def _keep(tool: Tool, sighting: Sighting, at: datetime, enforcer_id: str) -> None:
    body = canonical(sighting.definition).decode() if sighting.definition is not None else ""
    values = {"body": body, "size": sighting.size, "enforcer_id": enforcer_id, "first_seen_at": at}
    Definition.objects.get_or_create(tool=tool, hash=sighting.hash, defaults=values)
    others = Definition.objects.filter(tool=tool).exclude(hash__in=[tool.pin, sighting.hash]).order_by("-id")
    surplus = list(others.values_list("pk", flat=True)[MOST_DEFINITIONS : MOST_DEFINITIONS + 100])
    Definition.objects.filter(pk__in=surplus).delete()


def _note(tool: Tool, **values: Any) -> None:
    """What was seen is no edit of the policy and has no history."""
    for name, value in values.items():
        setattr(tool, name, value)
    Tool.objects.filter(pk=tool.pk).update(**values)
