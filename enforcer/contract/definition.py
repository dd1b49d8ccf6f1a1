"""The hash that pins a tool: one function for the enforcer and the control plane."""

from enforcer.contract.canonical import hash_of
from enforcer.contract.strict_json import JsonObject

HASHED = ("name", "title", "description", "inputSchema", "outputSchema", "annotations", "execution", "_meta", "icons")


def definition_hash(definition: JsonObject) -> str:
    """Hash of what a caller, a model or a client acts on, as it came in `tools/list`; absent and null differ."""
    return hash_of({key: definition[key] for key in HASHED if key in definition})
