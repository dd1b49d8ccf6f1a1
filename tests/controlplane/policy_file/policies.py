"""Random policies for properties: specs of every kind, as the readers give them, hostile text in every free text."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from controlplane.credentials.specs import VaultBackendSpec
from controlplane.grants.specs import GrantSpec, content_key
from controlplane.inventory.specs import RiskPatternSpec, ServerSpec, ToolSpec, TrustLevelSpec, default_trust_level
from controlplane.policy.declarative.policy import KillSpec, Policy
from controlplane.principals.models import OWN_ISSUER
from controlplane.principals.specs import GroupSpec, IdentityProviderSpec, PrincipalKey, PrincipalSpec
from enforcer.contract.levels import Risk, TrustLevel

NOW = datetime(2026, 11, 1, tzinfo=UTC)
KEY = {"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
ISSUERS = ("https://b.example", "https://a.example")
SERVERS, GROUPS, SUBJECTS = ("files", "mail"), ("red", "no", "1e3"), ("ada", "null", "O'Hara: #1")
SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}, "url": {"type": "string"}}}
NUMBER = {"type": "number", "multipleOf": 0.5, "maximum": 1e-7}
SCHEMAS = ({"type": "object"}, SCHEMA, SCHEMA | {"description": "\u202eevil\n\x1b[31m", "$defs": {"n": NUMBER}})
VISIBLE = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=8)
LINE = VISIBLE | st.sampled_from(["yes", "~", "- x", "a: b #c", "{", "1e3", "*", "'", '"\\', "2026-01-31"])
FREE = st.sampled_from(["a\nb", "\u202egrob\u200b", "\x1b[31m", "\ufeffx", "tab\there", " padded ", "x" * 2000]) | LINE
ONE_IN_TWO = st.booleans()
RISK, LEVEL = st.sampled_from(Risk), st.sampled_from([level.value for level in TrustLevel])


def trust_levels() -> st.SearchStrategy[TrustLevelSpec]:
    tuned = st.builds(
        TrustLevelSpec,
        name=st.sampled_from(TrustLevel),
        ceiling=RISK,
        pins=st.sampled_from(["required", "optional"]),
        sandbox_fs=st.sampled_from(["workspace_only", "read_only", "none"]),
        sandbox_net=st.sampled_from(["allowlist", "block_all", "none"]),
        stale_high_s=st.integers(1, 60),
        stale_all_s=st.integers(60, 900),
    )
    return tuned | st.sampled_from(TrustLevel).map(default_trust_level)


def identity_providers(issuer: str) -> st.SearchStrategy[IdentityProviderSpec]:
    return st.builds(
        IdentityProviderSpec,
        issuer=st.just(issuer),
        audience=LINE,
        algorithms=st.sampled_from([["EdDSA"], ["ES256", "EdDSA"]]),
        jwks=st.sampled_from([{"keys": []}, {"keys": [KEY]}]),
        claim_subject=st.sampled_from(["sub", "email"]),
        claim_org_id=st.sampled_from(["org_id", "tenant"]),
    )


def vault_backends() -> st.SearchStrategy[VaultBackendSpec]:
    remote = st.builds(
        VaultBackendSpec,
        name=st.sampled_from(["bao", "no"]),
        kind=st.sampled_from(["openbao", "vault"]),
        address=st.sampled_from(["https://bao.example:8200", "http://127.0.0.1:8200"]),
        mount=st.sampled_from(["secret", "kv/team"]),
    )
    disk = st.builds(VaultBackendSpec, name=st.just("disk"), kind=st.just("file"), mount=st.just("/run/secrets"))
    return remote | disk | st.just(VaultBackendSpec(name="host", kind="env"))


def principals(issuers: tuple[str, ...]) -> st.SearchStrategy[PrincipalSpec]:
    return st.builds(
        PrincipalSpec,
        subject=st.sampled_from(SUBJECTS),
        issuer=st.sampled_from((OWN_ISSUER, *issuers)),
        actor_type=st.sampled_from(["user", "agent", "system"]),
        groups=st.sets(st.sampled_from(GROUPS)).map(sorted),
    )


def servers(id_: str) -> st.SearchStrategy[ServerSpec]:
    return st.builds(
        ServerSpec,
        id=st.just(id_),
        title=st.just("") | LINE,
        trust_level_id=LEVEL,
        credential_mode=st.sampled_from(["none", "unset"]),
        workspace=st.sampled_from(["/srv/files", "/srv/a b"]),
        egress=st.sampled_from([["*.b.example", "a.example"], ["a.example"]]),
        sandbox_fs=st.sampled_from(["", "read_only"]),
        sandbox_net=st.sampled_from(["", "none"]),
        timeout_s=st.sampled_from([60, 5]),
        max_request_bytes=st.sampled_from([1_000_000, 1]),
        rate=st.sampled_from(["", "100/minute"]),
    )


def tools(server_id: str) -> st.SearchStrategy[ToolSpec]:
    return st.builds(
        _tool,
        server_id=st.just(server_id),
        name=st.sampled_from(["fs_read", "fs_write", "yes", "a/b: c"]),
        risk=RISK,
        input_schema=st.sampled_from(SCHEMAS),
        pointed=ONE_IN_TWO,
    )


def _tool(pointed: bool, **values: Any) -> ToolSpec:
    has_fields = "properties" in values["input_schema"]
    paths = ["/path"] if pointed and has_fields else [] if pointed else None
    return ToolSpec(path_arguments=paths, url_arguments=["/url"] if pointed and has_fields else None, **values)


def windows() -> st.SearchStrategy[tuple[datetime | None, datetime | None]]:
    """One of them has ended, and some have fractions of seconds."""
    moments = [(None, None), (-3, None), (None, 2), (1, 2), (-3, -1), (-2.123456789, -1.1)]
    return st.sampled_from(moments).map(lambda days: (_in_days(days[0]), _in_days(days[1])))


def _in_days(days: float | None) -> datetime | None:
    return None if days is None else NOW + timedelta(days=days)


@st.composite
def grants(draw: st.DrawFn, policy: Policy) -> GrantSpec:
    """On what the policy has; it has at least a group and a server."""
    who = draw(st.sampled_from([*policy.principals, *policy.groups]))
    deny = draw(ONE_IN_TWO)
    not_before, not_after = draw(windows())
    named = draw(ONE_IN_TWO)
    selector = draw(st.sampled_from([("internal", ""), ("", "LOW"), ("unknown", "HIGH")]))
    grant = GrantSpec(
        effect="deny" if deny else "allow",
        principal=who if isinstance(who, PrincipalKey) else None,
        group=who if isinstance(who, str) else "",
        server_id=draw(st.sampled_from(list(policy.servers))) if named else "",
        tools=sorted(draw(st.sets(st.sampled_from(["*", "fs_*", "fs_read", "yes"]), min_size=1))) if named else [],
        trust="" if named else selector[0],
        risk="" if named else selector[1],
        max_risk=Risk.MEDIUM if deny else draw(RISK),
        constraint=draw(st.sampled_from([None, {}, {"maxProperties": 3}])),
        rate="" if deny else draw(st.sampled_from(["", "10/minute"])),
        not_before=not_before,
        not_after=not_after,
        reason=draw(st.just("") | FREE),
        ticket=draw(st.just("") | LINE),
    )
    return _keyed(grant, draw(st.sampled_from(["", "", "one", "no", "0-0"])))


def _keyed(grant: GrantSpec, id_: str) -> GrantSpec:
    values = {name: getattr(grant, name) for name in grant.__slots__}
    return GrantSpec(**values | {"key": id_ or content_key(grant)})


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """A whole policy, in which everything that is named is there."""
    policy = Policy(trust_levels={level: default_trust_level(level) for level in TrustLevel})
    policy.trust_levels |= {level.name: level for level in draw(st.lists(trust_levels(), max_size=2))}
    issuers = tuple(draw(st.lists(st.sampled_from(ISSUERS), unique=True)))
    policy.identity_providers = {issuer: draw(identity_providers(issuer)) for issuer in issuers}
    policy.vault_backends = {backend.name: backend for backend in draw(st.lists(vault_backends(), max_size=3))}
    policy.principals = {one.key: one for one in draw(st.lists(principals(issuers), max_size=4))}
    named = {name for one in policy.principals.values() for name in one.groups} | draw(st.sets(st.sampled_from(GROUPS)))
    policy.groups = {name: GroupSpec(name=name) for name in sorted(named)}
    policy.servers = {id_: draw(servers(id_)) for id_ in draw(st.sets(st.sampled_from(SERVERS)))}
    for id_ in policy.servers:
        policy.tools |= {tool.key: tool for tool in draw(st.lists(tools(id_), max_size=3))}
    if policy.servers and (policy.groups or policy.principals):
        policy.grants = {grant.key: grant for grant in draw(st.lists(grants(policy), max_size=5))}
    patterns = draw(st.sets(st.sampled_from(["drop it", "^rm", "kubectl (delete|drain)"])))
    for text in sorted(patterns):
        made = RiskPatternSpec(
            pattern=text,
            risk=draw(st.sampled_from([Risk.MEDIUM, Risk.HIGH, Risk.CRITICAL])),
            where=draw(st.sampled_from(["name", "description", "arguments"])),
        )
        policy.risk_patterns[made.key] = made
    switches = [f"tool:{id_}/fs_*" for id_ in policy.servers] + ["risk:CRITICAL", "principal:O'Hara", "session:x: y"]
    raised = draw(st.lists(st.sampled_from(switches), unique=True, max_size=3))
    policy.kill_switches = {target: KillSpec(target=target, reason=draw(FREE)) for target in raised}
    return policy
