"""Items: what stands for one object in a policy file (CONTRACTS section 5), in pages and in the API.

An item is canonical: equal objects have equal items, and reading one gives the object back wherever it stands. So what
depends on other objects is always written (an issuer, the risk of a tool), and only fixed defaults are left out.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias

from controlplane.credentials.rules import DEFAULT_MOUNT
from controlplane.credentials.specs import VaultBackendSpec
from controlplane.grants.specs import GrantSpec, content_key
from controlplane.inventory.models import CredentialMode
from controlplane.inventory.specs import RiskPatternSpec, ServerSpec, ToolSpec, TrustLevelSpec, default_trust_level
from controlplane.policy.declarative.policy import SECTIONS, KillSpec, Policy, Spec, section
from controlplane.principals.specs import GroupSpec, IdentityProviderSpec, PrincipalSpec
from enforcer.contract.levels import Risk, TrustLevel
from enforcer.contract.strict_json import JsonObject, JsonValue

VERSION = 1
DOORS = ("sampling", "elicitation", "roots", "tasks", "completion")
_SERVER = ServerSpec(id="usual", trust_level_id=TrustLevel.UNKNOWN)
_PROVIDER = IdentityProviderSpec(issuer="usual", audience="", algorithms=[], jwks={})
LIMITS = {name: getattr(_SERVER, name) for name in ("max_request_bytes", "max_response_bytes", "timeout_s", "rate")}
CLAIMS = {name: getattr(_PROVIDER, f"claim_{name}") for name in ("subject", "actor_type", "client_id", "org_id")}
Order: TypeAlias = tuple[str | int, ...]


def item_of(spec: Spec) -> JsonObject:
    """The item of an object; keys in the order of the contract."""
    match spec:
        case TrustLevelSpec():
            return _trust_level(spec)
        case IdentityProviderSpec():
            return _identity_provider(spec)
        case VaultBackendSpec():
            return _vault_backend(spec)
        case GroupSpec():
            return {"name": spec.name}
        case PrincipalSpec():
            return _principal(spec)
        case ServerSpec():
            return _server(spec)
        case ToolSpec():
            return _tool(spec)
        case GrantSpec():
            return _grant(spec)
        case RiskPatternSpec():
            return {"pattern": spec.pattern, "risk": spec.risk.value, "where": spec.where}
        case KillSpec():
            return {"target": spec.target, "reason": spec.reason}


def document_of(policy: Policy) -> JsonObject:
    """The whole file. Providers keep their order, which says the default issuer; all else is sorted."""
    document: JsonObject = {"version": VERSION}
    for name, _ in SECTIONS:
        specs: Iterable[Spec] = section(policy, name).values()
        if name in ORDERS:
            specs = sorted(specs, key=ORDERS[name])
        items: list[JsonValue] = [item_of(spec) for spec in specs]
        if items:
            document[name] = items
    return document


ORDERS: Mapping[str, Callable[[Any], Order]] = {
    "trust_levels": lambda level: (tuple(TrustLevel).index(level.name),),
    "vault_backends": lambda backend: (backend.name,),
    "groups": lambda group: (group.name,),
    "principals": lambda principal: (principal.subject, principal.issuer),
    "servers": lambda server: (server.id,),
    "tools": lambda tool: tool.key,
    "grants": lambda grant: (grant.server_id, grant.trust, grant.risk, grant.who, grant.key),
    "risk_patterns": lambda pattern: pattern.key,
    "kill_switches": lambda switch: (switch.target,),
}


def _trust_level(level: TrustLevelSpec) -> JsonObject:
    usual = default_trust_level(level.name)
    sandbox = _without(
        {"fs": level.sandbox_fs, "net": level.sandbox_net}, {"fs": usual.sandbox_fs, "net": usual.sandbox_net}
    )
    stale = _without(
        {"high": level.stale_high_s, "all": level.stale_all_s}, {"high": usual.stale_high_s, "all": usual.stale_all_s}
    )
    tuned = _without(
        {"ceiling": level.ceiling.value, "pins": level.pins}, {"ceiling": usual.ceiling.value, "pins": usual.pins}
    )
    return {"name": level.name.value, **tuned, **_given(sandbox=sandbox, stale_s=stale)}


def _identity_provider(provider: IdentityProviderSpec) -> JsonObject:
    claims: JsonObject = {name: getattr(provider, f"claim_{name}") for name in CLAIMS}
    return {
        "issuer": provider.issuer,
        "audience": provider.audience,
        "algorithms": list(provider.algorithms),
        "jwks": provider.jwks,
        **_given(claims=_without(claims, CLAIMS)),
    }


def _vault_backend(backend: VaultBackendSpec) -> JsonObject:
    mount = "" if backend.address and backend.mount == DEFAULT_MOUNT else backend.mount
    return {"name": backend.name, "kind": backend.kind, **_given(address=backend.address, mount=mount)}


def _principal(principal: PrincipalSpec) -> JsonObject:
    who: JsonObject = {"subject": principal.subject, "issuer": principal.issuer}
    kind = _without({"actor_type": principal.actor_type}, {"actor_type": "user"})
    return {**who, **kind, **_given(groups=list(principal.groups))}


def _server(server: ServerSpec) -> JsonObject:
    mode = server.credential_mode
    limits: JsonObject = {name: getattr(server, name) for name in LIMITS}
    return {
        "id": server.id,
        **_given(title=server.title),
        "trust_level": str(server.trust_level_id),
        **_given(
            credential={} if mode == CredentialMode.UNSET else {"mode": str(mode)},
            workspace=server.workspace,
            egress=list(server.egress),
            sandbox=_given(fs=server.sandbox_fs, net=server.sandbox_net),
            allow={door: True for door in DOORS if getattr(server, f"allow_{door}")},
            limits=_without(limits, LIMITS),
        ),
    }


def _tool(tool: ToolSpec) -> JsonObject:
    item: JsonObject = {"server": tool.server_id, "name": tool.name, "risk": tool.risk.value}
    item["input_schema"] = tool.input_schema
    for key, pointers in (("path_arguments", tool.path_arguments), ("url_arguments", tool.url_arguments)):
        if pointers is not None:
            item[key] = list(pointers)
    return item


def _grant(grant: GrantSpec) -> JsonObject:
    who = grant.principal
    written: JsonObject = {} if grant.constraint is None else {"constraint": grant.constraint}
    return {
        **({} if grant.key in ("", content_key(grant)) else {"id": grant.key}),
        **({"principal": who.subject, "issuer": who.issuer} if who else {"group": grant.group}),
        **_given(server=grant.server_id, tools=list(grant.tools), trust=grant.trust, risk=grant.risk),
        **_without({"effect": grant.effect}, {"effect": "allow"}),
        **_without({"max_risk": grant.max_risk.value}, {"max_risk": Risk.MEDIUM.value}),
        **written,
        **_given(rate=grant.rate, not_before=_time(grant.not_before), not_after=_time(grant.not_after)),
        **_given(reason=grant.reason, ticket=grant.ticket),
    }


def _given(**values: JsonValue) -> JsonObject:
    """Those that say something; never for what an empty value could mean."""
    return {key: value for key, value in values.items() if value not in ("", [], {})}


def _without(values: Mapping[str, JsonValue], usual: Mapping[str, JsonValue]) -> JsonObject:
    return {key: value for key, value in values.items() if value != usual[key]}


def _time(moment: datetime | None) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else ""
