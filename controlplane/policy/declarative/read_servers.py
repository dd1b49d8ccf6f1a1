"""The sections `trust_levels`, `servers` and `tools`."""

import re
from pathlib import PurePosixPath

from controlplane.inventory.models import CredentialMode, FsPolicy, NetPolicy, Pins
from controlplane.inventory.specs import RiskPatternSpec, ServerSpec, ToolSpec, TrustLevelSpec, default_trust_level
from controlplane.policy.declarative.draft import Draft
from controlplane.policy.declarative.items import DOORS, LIMITS
from controlplane.policy.declarative.policy import ToolKey
from controlplane.policy.declarative.rates import read_rate
from controlplane.policy.declarative.reader import Reader
from enforcer.contract.levels import Risk, TrustLevel
from enforcer.policy.risk_patterns import LONGEST, MOST, PLACES, RISKS, RiskPattern, problem_of
from enforcer.policy.risk_proposal import propose

LONGEST_PATH = 4096
LONGEST_TOOL_NAME = 256
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(\*\.)?{_LABEL}(\.{_LABEL})*")


def read_trust_level(reader: Reader, draft: Draft) -> None:
    """Keys that are left out have the level's default."""
    name = TrustLevel(reader.choice("name", TrustLevel))
    default = default_trust_level(name)
    sandbox = reader.child("sandbox") or Reader({}, reader.path, [])
    stale = reader.child("stale_s") or Reader({}, reader.path, [])
    level = TrustLevelSpec(
        name=name,
        ceiling=Risk(reader.choice("ceiling", Risk, default=default.ceiling)),
        pins=reader.choice("pins", Pins.values, default=default.pins),
        sandbox_fs=sandbox.choice("fs", FsPolicy.values, default=default.sandbox_fs),
        sandbox_net=sandbox.choice("net", NetPolicy.values, default=default.sandbox_net),
        stale_high_s=stale.whole("high", default=default.stale_high_s),
        stale_all_s=stale.whole("all", default=default.stale_all_s),
    )
    sandbox.finish()
    stale.finish()
    if level.stale_all_s < level.stale_high_s:
        reader.wrong("stale_s", "everything would stop before HIGH and CRITICAL do", "high at most as large as all")
    draft.add("trust_levels", name, level, reader)


def read_server(reader: Reader, draft: Draft) -> None:
    """Keys that are left out have their default, whatever the row says."""
    sandbox = reader.child("sandbox") or Reader({}, reader.path, [])
    limits = reader.child("limits") or Reader({}, reader.path, [])
    _read_doors(reader)
    mode = _read_credential(reader)
    server = ServerSpec(
        id=reader.ident("id"),
        title=reader.text("title", default="", longest=200),
        trust_level_id=reader.choice("trust_level", TrustLevel),
        credential_mode=str(mode),
        workspace=_read_workspace(reader),
        egress=_read_egress(reader),
        sandbox_fs=sandbox.choice("fs", FsPolicy.values, default=""),
        sandbox_net=sandbox.choice("net", NetPolicy.values, default=""),
        max_request_bytes=limits.whole("max_request_bytes", default=LIMITS["max_request_bytes"]),
        max_response_bytes=limits.whole("max_response_bytes", default=LIMITS["max_response_bytes"]),
        timeout_s=limits.whole("timeout_s", default=LIMITS["timeout_s"]),
        rate=read_rate(limits),
    )
    sandbox.finish()
    limits.finish()
    draft.add("servers", server.id, server, reader)


def read_risk_pattern(reader: Reader, draft: Draft) -> None:
    """A pattern that is searched for beside the default ones; it raises a risk and never lowers one."""
    pattern = RiskPatternSpec(
        pattern=reader.text("pattern", longest=LONGEST),
        risk=Risk(reader.choice("risk", RISKS)),
        where=reader.choice("where", PLACES, default="arguments"),
    )
    if not reader.flawed and (problem := problem_of(pattern.pattern)):
        reader.wrong("pattern", problem, "an expression without look-around, like \\bformat [a-z]:")
    if len(draft.said.risk_patterns) >= MOST:
        reader.wrong((), f"is one too many; {MOST} are allowed", "fewer patterns")
    draft.add("risk_patterns", pattern.key, pattern, reader)


def read_tool(reader: Reader, draft: Draft) -> None:
    """A tool without `risk` is classified by its name and schema."""
    if "input_schema" not in reader:
        reader.wrong(
            "input_schema", "is missing", "write the tool's schema, or leave the tool out: it will be discovered"
        )
    schema = reader.mapping("input_schema") or {}
    name = reader.text("name", longest=LONGEST_TOOL_NAME)
    risk = reader.choice("risk", Risk, default=propose({"name": name, "inputSchema": schema}, _patterns(draft)).risk)
    tool = ToolSpec(
        server_id=reader.ident("server"),
        name=name,
        risk=Risk(risk),
        input_schema=schema,
        path_arguments=reader.texts("path_arguments"),
        url_arguments=reader.texts("url_arguments"),
    )
    key: ToolKey = tool.key
    draft.add("tools", key, tool, reader)


def _patterns(draft: Draft) -> list[RiskPattern]:
    """Those that there will be."""
    specs = (draft.current.risk_patterns | draft.said.risk_patterns).values()
    return [RiskPattern(spec.pattern, spec.risk, place) for spec in specs for place in PLACES if place == spec.where]


def _read_credential(reader: Reader) -> str:
    credential = reader.child("credential")
    if credential is None:
        reader.not_served("discovery")
        return CredentialMode.UNSET
    mode = credential.choice("mode", [CredentialMode.NONE, CredentialMode.VAULT, CredentialMode.EXCHANGE])
    if mode != CredentialMode.NONE:
        credential.wrong("mode", f"credential mode {mode} is not served by this version", "mode: none")
    else:
        credential.finish()
    reader.not_served("discovery", empty={"mode": "none"})
    return mode


def _read_doors(reader: Reader) -> None:
    allow = reader.child("allow")
    if allow is None:
        return
    for door in DOORS:
        if allow.flag(door):
            allow.wrong(door, f"{door} is not served by this version", "false, or leave it out")
    allow.finish()


def _read_workspace(reader: Reader) -> str:
    written = reader.text("workspace", default="", longest=LONGEST_PATH)
    path = PurePosixPath(written)
    if written and (not path.is_absolute() or ".." in path.parts or len(path.parts) == 1):
        reader.wrong("workspace", f"{written!r} can't be a workspace", "an absolute path below / without ..")
    return str(path) if written else ""


def _read_egress(reader: Reader) -> list[str]:
    hosts = reader.texts("egress") or []
    for number, host in enumerate(hosts):
        if not _HOST.fullmatch(host):
            reader.wrong(("egress", number), f"{host!r} is no host", 'a host like api.example.com or "*.example.com"')
    return sorted(set(hosts))
