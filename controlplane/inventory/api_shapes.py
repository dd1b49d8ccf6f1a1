"""Items of trust levels, servers and tools, as JSON Schemas."""

from controlplane.api import bodies
from controlplane.api.bodies import Described, choice, ident, obj, text, texts, whole
from controlplane.api.views import Row
from controlplane.inventory.models import FsPolicy, NetPolicy, Pins, Tool
from controlplane.policy.declarative.items import DOORS, LIMITS
from controlplane.policy.declarative.read_servers import LONGEST_PATH, LONGEST_TOOL_NAME
from enforcer.contract.levels import Risk, TrustLevel
from enforcer.contract.strict_json import JsonObject
from enforcer.policy.risk_patterns import LONGEST, PLACES
from enforcer.policy.risk_patterns import RISKS as PATTERN_RISKS

RISKS = [risk.value for risk in Risk]
LEVELS = [level.value for level in TrustLevel]
SANDBOX = obj({"fs": choice(FsPolicy.values, "what it sees of the disk"), "net": choice(NetPolicy.values)})
HOST = r"(\*\.)?[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*"
POINTER_EXAMPLE: JsonObject = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}


class TrustLevelItem(Described):
    """A trust level, of which there are four; keys that are left out have the level's default."""

    schema = obj(
        {
            "name": choice(LEVELS),
            "ceiling": choice(RISKS, "the highest risk that can be called without an approval"),
            "pins": choice(Pins.values, "whether a tool must be seen as it was reviewed"),
            "sandbox": SANDBOX,
            "stale_s": obj({"high": whole("until HIGH and CRITICAL stop"), "all": whole("until everything does")}),
        },
        required=["name"],
        example={"name": "community", "ceiling": "LOW", "stale_s": {"high": 30, "all": 300}},
    )


class ServerItem(Described):
    """An MCP server; keys that are left out have their default, whatever was there before."""

    schema = obj(
        {
            "id": ident(),
            "title": text(longest=200, default=""),
            "trust_level": choice(LEVELS),
            "credential": obj({"mode": choice(["none"])}, required=["mode"], note="left out, calls are blocked"),
            "discovery": {"const": {"mode": "none"}},
            "workspace": text("the root of path arguments and sandbox", longest=LONGEST_PATH, default=""),
            "egress": texts("hosts that it may reach", of=text(longest=255, pattern=HOST)),
            "sandbox": SANDBOX,
            "allow": obj({door: {"type": "boolean", "enum": [False]} for door in DOORS}),
            "limits": obj(
                {
                    **{name: whole(default=usual) for name, usual in LIMITS.items() if name != "rate"},
                    "rate": bodies.rate("calls of everybody together"),
                }
            ),
        },
        required=["id", "trust_level"],
        example={
            "id": "files",
            "title": "File server",
            "trust_level": "internal",
            "credential": {"mode": "none"},
            "workspace": "/srv/files",
            "egress": ["api.example.com", "*.example.org"],
            "limits": {"timeout_s": 30, "rate": "100/minute"},
        },
    )


class ToolItem(Described):
    """A declared tool; without `risk` it is classified by its name and schema."""

    schema = obj(
        {
            "server": ident(),
            "name": text(longest=LONGEST_TOOL_NAME),
            "risk": choice(RISKS),
            "input_schema": {"type": "object", "description": "JSON Schema of the arguments"},
            "path_arguments": texts("JSON pointers, * for each item; left out, they are found; empty: none"),
            "url_arguments": texts("the same for URLs"),
        },
        required=["server", "name", "input_schema"],
        example={"server": "files", "name": "fs_read", "risk": "MEDIUM", "input_schema": POINTER_EXAMPLE},
    )


class RiskPatternItem(Described):
    """A pattern beside the default ones; a call with a CRITICAL one in its arguments is CRITICAL."""

    schema = obj(
        {
            "pattern": text("a regular expression without look-around", longest=LONGEST),
            "risk": choice([risk.value for risk in PATTERN_RISKS]),
            "where": choice(PLACES, "where it is searched for", default="arguments"),
        },
        required=["pattern", "risk"],
        example={"pattern": "\\bkubectl delete\\b", "risk": "CRITICAL", "where": "arguments"},
    )


class ToolState(Row[Tool]):
    """How a tool stands, a discovered one too: only a reviewed one can be called."""

    class Meta:
        model = Tool
        fields = ("server", "name", "risk", "declared", "state", "pin")
