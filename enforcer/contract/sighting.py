"""What an enforcer says it saw of a tool in its server's list: a receipt of type `csp.drawbridge.definition.v1`."""

import re
from dataclasses import dataclass
from typing import Literal, TypeGuard, get_args

from enforcer.contract.canonical import hash_of
from enforcer.contract.definition import definition_hash
from enforcer.contract.receipt import ReceiptType
from enforcer.contract.strict_json import JsonObject, JsonValue

What = Literal["seen", "twice", "gone"]
MAX_NAME = 256  # characters; a longer name is no tool that anybody could grant
MAX_SIZE = 2**31 - 1
_HASH = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Sighting:
    """`hash` is the definition's; of a name that stands `twice` the hash of all of its definitions' hashes.

    `definition` is there for what was `seen`, unless it is too long for a receipt. `size`: bytes of it.
    """

    server_id: str
    tool_name: str
    what: What
    hash: str = ""
    definition: JsonObject | None = None
    size: int = 0


class SightingError(ValueError):
    """The receipt tells of no tool; the message says why."""


def hash_of_all(hashes: list[str]) -> str:
    """Of a name that stands more than once: never the hash of one definition."""
    found: list[JsonValue] = [*sorted(hashes)]
    return hash_of(found)


def sighting_part(sighting: Sighting) -> JsonObject:
    """What the receipt has beside what every receipt has; absent values are absent keys."""
    mcp: JsonObject = {"server_id": sighting.server_id, "tool_name": sighting.tool_name, "method": "tools/list"}
    if sighting.hash:
        mcp["definition_hash"] = sighting.hash
    told: JsonObject = {"what": sighting.what, "size_bytes": sighting.size}
    if sighting.definition is not None:
        told["definition"] = sighting.definition
    return {"mcp": mcp, "sighting": told}


def read_sighting(receipt: JsonObject) -> Sighting:
    """Raises `SightingError`; the hash of a definition is computed again."""
    mcp, told = receipt.get("mcp"), receipt.get("sighting")
    if receipt.get("receipt_type") != ReceiptType.DEFINITION or not isinstance(mcp, dict) or not isinstance(told, dict):
        raise SightingError("is no receipt of a definition")
    what, size, definition = told.get("what"), told.get("size_bytes"), told.get("definition")
    server_id, name, seen = mcp.get("server_id"), mcp.get("tool_name"), mcp.get("definition_hash", "")
    if not _is_what(what) or not isinstance(size, int) or not 0 <= size <= MAX_SIZE or not isinstance(seen, str):
        raise SightingError("does not say what was seen")
    if not isinstance(server_id, str) or not isinstance(name, str) or not is_name(name):
        raise SightingError("names no tool")
    if seen and not _HASH.fullmatch(seen):
        raise SightingError("has a hash that is none")
    if definition is not None and not isinstance(definition, dict):
        raise SightingError("has a definition that is none")
    if bool(seen) == (what == "gone"):
        raise SightingError("has a hash where nothing was seen, or none where something was")
    if definition is not None and (what, definition.get("name"), definition_hash(definition)) != ("seen", name, seen):
        raise SightingError("has a definition of another name or hash")
    return Sighting(server_id, name, what, seen, definition, size)


def is_name(name: str) -> bool:
    """Whether a policy could hold a tool of this name; no column of PostgreSQL takes a NUL."""
    return 0 < len(name) <= MAX_NAME and "\0" not in name


def _is_what(word: JsonValue) -> TypeGuard[What]:
    return word in get_args(What)
