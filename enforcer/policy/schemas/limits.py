"""What keeps a schema, and the judging of one value by it, small: sizes, and the work one value can cause.

The engine judges a value once per subschema that applies to it, however that is reached, and remembers what it judged
only behind recursive references. So the references that are not recursive are counted as if written out.
"""

import json

from enforcer.contract.strict_json import JsonObject, JsonValue
from enforcer.policy.schemas.node import Flat, Node, UnfitError
from enforcer.policy.schemas.references import References

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32  # subschemas inside each other
MAX_SUBSCHEMAS = 5_000
MAX_NESTING = 128  # of the JSON text
MAX_CHAIN = 128  # subschemas behind each other, references followed
MAX_WORK = 50_000  # subschemas one value can meet
_CYCLE_WORK = 100_000
_SHALLOWEST = 4


def check_size(schema: JsonObject) -> None:
    """Raises `UnfitError` for a schema that is too large, too deep, or not JSON."""
    if _nesting(schema) > MAX_NESTING:
        raise UnfitError("", "is nested too deeply", f"at most {MAX_NESTING} levels")
    try:
        size = len(json.dumps(schema, allow_nan=False, ensure_ascii=False).encode())
    except (TypeError, ValueError):
        raise UnfitError("", "is not JSON", "use JSON values alone") from None
    if size > MAX_BYTES:
        raise UnfitError("", f"takes {size} bytes", f"at most {MAX_BYTES}")


def _nesting(schema: JsonValue) -> int:
    depth, level = 0, [schema]
    while level and depth <= MAX_NESTING:
        depth += 1
        level = [child for value in level for child in _parts(value)]
    return depth


def _parts(value: JsonValue) -> list[JsonValue]:
    if isinstance(value, dict):
        if any(not isinstance(key, str) for key in value):
            raise UnfitError("", "has a key that is not text", "quote it")
        return list(value.values())
    return value if isinstance(value, list) else []


def check_work(flat: Flat, references: References) -> None:
    """Raises `UnfitError` where one value could meet too many subschemas."""
    counter = _Work(flat, references)
    for node in flat.everything():
        work, _ = counter.of(node, 0)
        if work > MAX_WORK:
            raise UnfitError(node.pointer, "multiplies its references too often", "write fewer alternatives")


class _Work:
    """How many subschemas a node stands for (capped), and how many are behind each other in it."""

    def __init__(self, flat: Flat, references: References) -> None:
        self._flat = flat
        self._references = references
        self._known: dict[str, tuple[int, int]] = {}

    def of(self, node: Node, depth: int) -> tuple[int, int]:
        if depth > MAX_CHAIN:
            raise UnfitError(node.pointer, "is behind too many references", f"at most {MAX_CHAIN} subschemas")
        below = [self.of(child, depth + 1) for child in node.children()]
        if node.ref is not None and node.ref not in self._references.recursive:
            below.append(self._definition(node.ref, depth + 1))
        # the engine judges what is below `unevaluatedProperties` twice
        work = (1 + sum(w for w, _ in below)) * (2 if "unevaluatedProperties" in node.ones else 1)
        height = 1 + max((h for _, h in below), default=0)
        if height > MAX_CHAIN:
            raise UnfitError(node.pointer, "is behind too many references", f"at most {MAX_CHAIN} subschemas")
        return min(work, MAX_WORK + 1), height

    def _definition(self, name: str, depth: int) -> tuple[int, int]:
        if name not in self._known:
            self._known[name] = self.of(self._flat.defs[name], depth)
        return self._known[name]


def deepest_for(branches: int) -> int:
    """How deep a value may be that is judged `branches` times more at each level."""
    depth = _SHALLOWEST
    while branches ** (depth + 1) <= _CYCLE_WORK and depth < MAX_NESTING:
        depth += 1
    return depth
