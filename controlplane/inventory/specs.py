"""What a policy says of trust levels, servers and tools: values without a database; fields are named as the columns."""

from dataclasses import dataclass, field

from enforcer.contract.levels import Risk, TrustLevel
from enforcer.contract.strict_json import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustLevelSpec:
    """The tunable row of one level; staleness in seconds."""

    name: TrustLevel
    ceiling: Risk
    pins: str = "required"
    sandbox_fs: str = "workspace_only"
    sandbox_net: str
    stale_high_s: int
    stale_all_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSpec:
    """One server; empty text means none, or as the trust level says (`sandbox_*`)."""

    id: str
    title: str = ""
    trust_level_id: str
    credential_mode: str = "unset"
    workspace: str = ""
    egress: list[str] = field(default_factory=list)
    sandbox_fs: str = ""
    sandbox_net: str = ""
    allow_sampling: bool = False
    allow_elicitation: bool = False
    allow_roots: bool = False
    allow_tasks: bool = False
    allow_completion: bool = False
    max_request_bytes: int = 1_000_000
    max_response_bytes: int = 10_000_000
    timeout_s: int = 60
    rate: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    """One declared tool. Pointers: None is found by name and schema, [] is none."""

    server_id: str
    name: str
    risk: Risk
    input_schema: JsonObject
    path_arguments: list[str] | None = None
    url_arguments: list[str] | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Equal names on two servers share nothing."""
        return (self.server_id, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskPatternSpec:
    """One pattern of the security team's own."""

    pattern: str
    risk: Risk
    where: str

    @property
    def key(self) -> tuple[str, str]:
        """A pattern means one risk in one place."""
        return (self.where, self.pattern)


def default_trust_level(name: TrustLevel) -> TrustLevelSpec:
    """What the level is unless somebody tunes it (CONTRACTS section 5)."""
    if name in (TrustLevel.INTERNAL, TrustLevel.VERIFIED):
        return TrustLevelSpec(name=name, ceiling=Risk.HIGH, sandbox_net="allowlist", stale_high_s=60, stale_all_s=900)
    ceiling = Risk.MEDIUM if name == TrustLevel.COMMUNITY else Risk.LOW
    return TrustLevelSpec(name=name, ceiling=ceiling, sandbox_net="block_all", stale_high_s=30, stale_all_s=300)
