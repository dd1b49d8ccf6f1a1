"""`tools/list` on its way back: a page with what the caller may see, cut out of the upstream's (MCP_WIRE section 11).

Order and paging stay the upstream's, an empty page included. What is left of a tool is what its pin covers.
"""

from collections import Counter
from collections.abc import Callable, Container
from dataclasses import dataclass

from enforcer.contract.definition import HASHED
from enforcer.contract.strict_json import JsonObject, JsonValue
from enforcer.mcp.eras import Era
from enforcer.mcp.param_headers import header_params

MAX_TTL_MS = 1000
# Not shown: `execution` (tasks do not pass), `_meta` (applications), `icons` (addresses that clients would fetch).
_SHOWN = tuple(key for key in HASHED if key not in ("execution", "_meta", "icons"))


@dataclass(frozen=True, slots=True)
class Page:
    """One page of tools as sent. `next_cursor` is the upstream's own; an empty one is a cursor like any other."""

    tools: tuple[JsonObject, ...]
    next_cursor: str | None
    ttl_ms: int


def read_page(result: JsonValue) -> Page | None:
    """None where it is no page of tools; what is no named object is left out."""
    if not isinstance(result, dict):
        return None
    tools, cursor = result.get("tools"), result.get("nextCursor")
    if not isinstance(tools, list) or not isinstance(cursor, str | None):
        return None
    named = tuple(tool for tool in tools if isinstance(tool, dict) and name_of(tool) is not None)
    return Page(named, cursor, _ttl(result.get("ttlMs")))


def name_of(tool: JsonValue) -> str | None:
    """A tool's name, or None where it has none."""
    name = tool.get("name") if isinstance(tool, dict) else None
    return name if isinstance(name, str) and name else None


def is_valid(tool: JsonObject) -> bool:
    """Whether it has an input schema whose header declarations a client must not refuse."""
    schema = tool.get("inputSchema")
    return isinstance(schema, dict) and header_params(schema) is not None


def page_result(
    page: Page,
    era: Era,
    *,
    visible: Container[str],
    genuine: Callable[[JsonObject], bool],
    wrapped_cursor: str | None,
) -> JsonObject:
    """The result for the caller. `genuine` says whether a live definition is the reviewed one.

    Both of two tools with one name are left out, and every invalid one.
    """
    names = Counter(name_of(tool) for tool in page.tools)
    shown: list[JsonValue] = [
        {key: tool[key] for key in _SHOWN if key in tool}
        for tool in page.tools
        if (name := name_of(tool)) in visible and names[name] == 1 and is_valid(tool) and genuine(tool)
    ]
    made: JsonObject = {"tools": shown}
    if wrapped_cursor is not None:
        made["nextCursor"] = wrapped_cursor
    return made if era == "legacy" else {**made, **cacheable(page.ttl_ms)}


def cacheable(ttl_ms: int) -> JsonObject:
    """What a modern result that depends on its caller must say."""
    return {"resultType": "complete", "ttlMs": ttl_ms, "cacheScope": "private"}


def _ttl(value: JsonValue) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        return 0
    return max(0, min(value, MAX_TTL_MS))
