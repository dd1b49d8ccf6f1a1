"""What a definition says in words, and what about it a person would not see by reading it."""

import json
import unicodedata
from collections.abc import Iterator, Sequence

from controlplane.common.unseen import UNSEEN, shortened
from controlplane.inventory.models import Tool
from enforcer.contract.strict_json import JsonObject, JsonValue

LONGEST = 4_000
USUAL_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")  # MCP, tool names
USUAL_LENGTH = 128
IN_WORDS = ("title", "description")
AS_JSON = ("annotations", "outputSchema", "execution", "_meta", "icons")


def texts_of(definition: JsonObject) -> Iterator[tuple[str, str]]:
    """Field and text, but for name and input schema, which have places of their own."""
    for key in IN_WORDS:
        value = definition.get(key)
        if value is not None:
            yield key, shortened(value if isinstance(value, str) else json.dumps(value), LONGEST)
    for key in AS_JSON:
        if definition.get(key) is not None:
            yield key, shortened(json.dumps(definition[key], ensure_ascii=False), LONGEST)


def remarks(tool: Tool, definition: JsonObject, names: Sequence[str]) -> Iterator[str]:
    """A sentence each. `names`: of all tools of the server."""
    if tool.twice:
        yield "The server lists this name more than once: nobody can call it, and nobody can approve it."
    if tool.vanished_at is not None:
        yield f"The server has not listed it since {tool.vanished_at:%Y-%m-%d %H:%M} UTC."
    if not frozenset(tool.name) <= USUAL_NAME or len(tool.name) > USUAL_LENGTH:
        yield "Its name has characters that names of tools don't have, or is very long."
    alike = sorted(name for name in names if name != tool.name and _skeleton(name) == _skeleton(tool.name))
    if alike:
        yield f"Its name reads like that of {shortened(alike[0], 100)}, another tool of this server."
    hidden = sorted({place for place, text in _strings("", definition) if UNSEEN.search(text)})
    if hidden:
        yield f"Characters that can't be seen stand in {', '.join(shortened(place, 80) for place in hidden[:5])}."


def has_unseen(name: str) -> bool:
    """Whether two such names could look the same."""
    return UNSEEN.search(name) is not None


def _skeleton(name: str) -> str:
    """Names that people would take for one another have the same: case, width, accents and separators aside."""
    plain = unicodedata.normalize("NFKD", UNSEEN.sub("", name)).casefold()
    return "".join(c for c in plain if not unicodedata.combining(c) and c not in "-_. ")


def _strings(place: str, value: JsonValue) -> Iterator[tuple[str, str]]:
    pending = [(place, value)]
    while pending:
        at, found = pending.pop()
        if isinstance(found, str):
            yield at, found
        elif isinstance(found, list):
            pending += [(at, item) for item in found]
        elif isinstance(found, dict):
            for key, item in found.items():
                yield f"{at}.{key}".strip("."), key
                pending.append((f"{at}.{key}".strip("."), item))
