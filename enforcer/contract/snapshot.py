"""The compiled policy of one server: only what that server's enforcers need; no reasons, tickets or secrets."""

from typing import TYPE_CHECKING, Literal

from enforcer.contract.documents import Document, Part
from enforcer.contract.levels import Risk, TrustLevel

if TYPE_CHECKING:
    from enforcer.contract.strict_json import JsonObject
else:  # msgspec reads the annotations and can't follow a recursive alias
    JsonObject = dict

CredentialMode = Literal["none", "vault", "exchange", "unset"]
FsPolicy = Literal["workspace_only", "read_only", "none"]
NetPolicy = Literal["allowlist", "block_all", "none"]
Effect = Literal["allow", "deny"]


class Sandbox(Part, frozen=True, kw_only=True):
    """What a stdio server may see."""

    fs: FsPolicy
    net: NetPolicy


class TrustPolicy(Part, frozen=True, kw_only=True):
    """The row of the server's trust level. Staleness in seconds: first HIGH and CRITICAL stop, then everything."""

    name: TrustLevel
    ceiling: Risk
    pins: Literal["required", "optional"]
    stale_high_s: int
    stale_all_s: int


class Limits(Part, frozen=True, kw_only=True):
    """Per server. `rate` is written `100/minute`; none is no limit."""

    max_request_bytes: int = 1_000_000
    max_response_bytes: int = 10_000_000
    timeout_s: int = 60
    rate: str | None = None


class Allowed(Part, frozen=True, kw_only=True):
    """Which doors beside tools are open."""

    sampling: bool = False
    elicitation: bool = False
    roots: bool = False
    tasks: bool = False
    completion: bool = False


class Credential(Part, frozen=True, kw_only=True):
    """`unset`: nobody chose, so every call is DENY_PASSTHROUGH_BLOCKED."""

    mode: CredentialMode = "unset"


class ServerPolicy(Part, frozen=True, kw_only=True):
    """The server itself."""

    id: str
    title: str
    credential: Credential
    sandbox: Sandbox
    workspace: str | None = None
    egress: tuple[str, ...] = ()
    allow: Allowed = Allowed()
    limits: Limits = Limits()


class ToolPolicy(Part, frozen=True, kw_only=True):
    """A tool as declared or reviewed. `pin` is the hash of the whole reviewed definition; none until one was seen.

    `seen` is the hash of the live definition that the control plane knows: another one is news to it. The schema of a
    tool that nobody may call is left out.
    """

    name: str
    risk: Risk
    state: Literal["reviewed", "unreviewed", "changed", "quarantined"]
    input_schema: JsonObject
    declared: bool = False
    path_arguments: tuple[str, ...] | None = None
    url_arguments: tuple[str, ...] | None = None
    pin: str | None = None
    seen: str | None = None


class GrantPolicy(Part, frozen=True, kw_only=True):
    """One grant, with what it selects already narrowed to this server. Times are RFC 3339."""

    id: str
    effect: Effect
    tools: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()
    risk: Risk | None = None
    max_risk: Risk = Risk.MEDIUM
    constraint: JsonObject | None = None
    rate: str | None = None
    not_before: str | None = None
    not_after: str | None = None


class PrincipalPolicy(Part, frozen=True, kw_only=True):
    """A principal with a grant here. `grants` index into `Snapshot.grants` by id; groups are flattened names."""

    subject: str
    issuer: str
    actor_type: str
    groups: tuple[str, ...] = ()
    grants: tuple[str, ...] = ()


class Claims(Part, frozen=True, kw_only=True):
    """Names of the claims that carry the caller."""

    subject: str = "sub"
    actor_type: str = "actor_type"
    client_id: str = "client_id"
    org_id: str = "org_id"


class IdentityProvider(Part, frozen=True, kw_only=True):
    """An issuer whose tokens are accepted; `jwks` inline."""

    issuer: str
    audience: str
    algorithms: tuple[str, ...]
    jwks: JsonObject
    claims: Claims = Claims()


class Snapshot(Document, frozen=True, kw_only=True):
    """All of it. `token_keys` verify the control plane's own tokens, written `ed25519:…`.

    `critical_patterns`: a call with one of them in a text of its arguments is CRITICAL, beside the default patterns.
    """

    server_id: str
    version: int
    expires_at: str
    trust: TrustPolicy
    server: ServerPolicy
    token_keys: tuple[str, ...]
    tools: tuple[ToolPolicy, ...] = ()
    principals: tuple[PrincipalPolicy, ...] = ()
    grants: tuple[GrantPolicy, ...] = ()
    identity_providers: tuple[IdentityProvider, ...] = ()
    critical_patterns: tuple[str, ...] = ()

    @property
    def order(self) -> tuple[int, int]:
        """What versions are compared by."""
        return (self.generation, self.version)
