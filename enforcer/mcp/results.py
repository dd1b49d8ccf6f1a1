"""Results of an upstream, reduced to what this gate passes. None is a result that can't be used (upstream_invalid)."""

from dataclasses import dataclass

from enforcer.contract.strict_json import JsonObject, JsonValue
from enforcer.mcp.eras import HANDSHAKE_VERSIONS, META_SERVER, MODERN_VERSIONS, Era
from enforcer.mcp.lists import cacheable
from enforcer.mcp.outbound import implementation

# Policy changes what a caller sees, so the gate says so even where the server itself never would.
_OFFERED: JsonObject = {"tools": {"listChanged": True}}
_CONTENT_TYPES = frozenset({"text", "image", "audio", "resource_link", "resource"})


def call_result(result: JsonValue, era: Era) -> JsonObject | None:
    """Of `tools/call`: content, structured content and whether it is an error; no tasks, no questions back."""
    if not isinstance(result, dict):
        return None
    if result.get("resultType", "complete" if era == "legacy" else None) != "complete":
        return None
    content, failed = result.get("content", []), result.get("isError", False)
    if "task" in result or not isinstance(failed, bool) or not isinstance(content, list):
        return None
    if not all(isinstance(item, dict) and item.get("type") in _CONTENT_TYPES for item in content):
        return None
    made: JsonObject = {"content": content, "isError": failed}
    if "structuredContent" in result:
        made["structuredContent"] = result["structuredContent"]
    if era == "modern":
        made["resultType"] = "complete"
    return made


def discover_result(result: JsonValue) -> JsonObject | None:
    """Of `server/discover`: the revisions that both serve, tools alone, no text for the model."""
    if not isinstance(result, dict) or not isinstance(result.get("supportedVersions"), list):
        return None
    offered = result["supportedVersions"]
    assert isinstance(offered, list)
    both: list[JsonValue] = [version for version in MODERN_VERSIONS if version in offered]
    if not both or not isinstance(result.get("capabilities"), dict):
        return None
    made: JsonObject = {"supportedVersions": both, "capabilities": dict(_OFFERED), **cacheable(0)}
    meta = result.get("_meta")
    server = implementation(meta.get(META_SERVER)) if isinstance(meta, dict) else None
    return {**made, "_meta": {META_SERVER: server}} if server else made


@dataclass(frozen=True, slots=True)
class Opened:
    """An answered handshake: the revision now in force, and what the client is told."""

    protocol_version: str
    result: JsonObject


def initialize_result(result: JsonValue) -> Opened | None:
    """Of `initialize`: tools, and logging where the server has it, because the level is answered here."""
    if not isinstance(result, dict):
        return None
    version, capabilities = result.get("protocolVersion"), result.get("capabilities")
    server = implementation(result.get("serverInfo"))
    if not isinstance(version, str) or version not in HANDSHAKE_VERSIONS:
        return None
    if not isinstance(capabilities, dict) or server is None:
        return None
    offered: JsonObject = dict(_OFFERED)
    if "logging" in capabilities:
        offered["logging"] = {}
    return Opened(version, {"protocolVersion": version, "capabilities": offered, "serverInfo": server})
