"""What the rows hold, in the form of a policy file and in the types that its readers give; one query a table."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from typing import Any

from django.db.models import QuerySet

from controlplane.common.numbers import as_read
from controlplane.credentials.models import VaultBackend, VaultReference
from controlplane.credentials.specs import VaultBackendSpec
from controlplane.grants.models import Grant
from controlplane.grants.specs import GrantSpec
from controlplane.incidents.models import KillSwitch
from controlplane.inventory.models import RiskPattern, Server, Tool, ToolState, TrustLevel
from controlplane.inventory.specs import RiskPatternSpec, ServerSpec, ToolSpec, TrustLevelSpec
from controlplane.policy.declarative.policy import KillSpec, Policy, ToolKey
from controlplane.principals.models import Group, IdentityProvider, Principal
from controlplane.principals.specs import GroupSpec, IdentityProviderSpec, PrincipalKey, PrincipalSpec
from enforcer.contract.levels import Risk
from enforcer.contract.levels import TrustLevel as Level

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Which rows to read; levels, providers, backends, servers and raised switches are few and always read whole."""

    groups: QuerySet[Group] = field(default_factory=Group.objects.all)
    principals: QuerySet[Principal] = field(default_factory=Principal.objects.all)
    tools: QuerySet[Tool] = field(default_factory=Tool.objects.all)
    grants: QuerySet[Grant] = field(default_factory=Grant.objects.all)


def current_policy(rows: Rows | None = None) -> Policy:
    """Every object a file can speak of, or a part. Retired servers count as absent; discovered tools stand apart."""
    rows = rows or Rows()
    declared, discovered = _tools(rows.tools.filter(server__retired=False).order_by("server_id", "name"))
    return Policy(
        trust_levels={level.name: level for level in _trust_levels()},
        identity_providers={provider.issuer: provider for provider in _identity_providers()},
        vault_backends={backend.name: backend for backend in _vault_backends()},
        groups={name: GroupSpec(name=name) for name in rows.groups.order_by("name").values_list("name", flat=True)},
        principals={principal.key: principal for principal in _principals(rows.principals)},
        servers={server.id: server for server in _servers()},
        tools=declared,
        grants={grant.key: grant for grant in _grants(rows.grants)},
        risk_patterns={pattern.key: pattern for pattern in _risk_patterns()},
        kill_switches={switch.target: switch for switch in _raised()},
        discovered=discovered,
        backends_in_use=frozenset(VaultReference.objects.values_list("backend_id", flat=True)),
    )


def held_tools(server_ids: Iterable[str] | None = None) -> set[ToolKey]:
    """Tools that wait for a review, of these servers or of all."""
    waiting = Tool.objects.exclude(state=ToolState.REVIEWED)
    if server_ids is not None:
        waiting = waiting.filter(server_id__in=set(server_ids))
    return set(waiting.values_list("server_id", "name"))


def _trust_levels() -> Iterator[TrustLevelSpec]:
    for row in TrustLevel.objects.order_by("name").values(*_columns(TrustLevelSpec)):
        yield TrustLevelSpec(**row | {"name": Level(row["name"]), "ceiling": Risk(row["ceiling"])})


def _identity_providers() -> Iterator[IdentityProviderSpec]:
    """The oldest first: it is the default issuer."""
    for row in IdentityProvider.objects.order_by("id").values(*_columns(IdentityProviderSpec)):
        yield IdentityProviderSpec(**row | {"jwks": as_read(row["jwks"])})


def _vault_backends() -> Iterator[VaultBackendSpec]:
    for row in VaultBackend.objects.order_by("name").values(*_columns(VaultBackendSpec)):
        yield VaultBackendSpec(**row)


def _principals(wanted: QuerySet[Principal]) -> Iterator[PrincipalSpec]:
    """Memberships in a query of their own: a prefetch would name every principal in it."""
    groups: dict[int, list[str]] = {}
    members = Principal.groups.through.objects.filter(principal__in=wanted).order_by("group__name")
    for principal_id, name in members.values_list("principal_id", "group__name"):
        groups.setdefault(principal_id, []).append(name)
    rows = wanted.order_by("issuer", "subject").values_list("id", "subject", "issuer", "actor_type")
    for id_, subject, issuer, kind in rows:
        yield PrincipalSpec(subject=subject, issuer=issuer, actor_type=kind, groups=sorted(groups.get(id_, [])))


def _servers() -> Iterator[ServerSpec]:
    for row in Server.objects.filter(retired=False).order_by("id").values(*_columns(ServerSpec)):
        yield ServerSpec(**row)


def _tools(wanted: QuerySet[Tool]) -> tuple[dict[ToolKey, ToolSpec], dict[ToolKey, ToolSpec]]:
    """The declared ones and the discovered ones."""
    declared: dict[ToolKey, ToolSpec] = {}
    discovered: dict[ToolKey, ToolSpec] = {}
    for row in wanted.values("declared", *_columns(ToolSpec)):
        found = declared if row.pop("declared") else discovered
        schema = as_read(row["input_schema"])
        spec = ToolSpec(**row | {"risk": Risk(row["risk"]), "input_schema": schema})
        found[spec.key] = spec
    return declared, discovered


def _grants(wanted: QuerySet[Grant]) -> Iterator[GrantSpec]:
    plain = [name for name in _columns(GrantSpec) if name not in ("principal", "group")]
    for row in wanted.order_by("key").values(*plain, "principal__issuer", "principal__subject", "group__name"):
        issuer, subject = row.pop("principal__issuer"), row.pop("principal__subject")
        made: Row = {
            "principal": None if subject is None else PrincipalKey(issuer, subject),
            "group": row.pop("group__name") or "",
            "server_id": row["server_id"] or "",
            "max_risk": Risk(row["max_risk"]),
            "constraint": as_read(row["constraint"]),
        }
        yield GrantSpec(**row | made)


def _risk_patterns() -> Iterator[RiskPatternSpec]:
    for row in RiskPattern.objects.order_by("where", "pattern").values(*_columns(RiskPatternSpec)):
        yield RiskPatternSpec(**row | {"risk": Risk(row["risk"])})


def _raised() -> Iterator[KillSpec]:
    for row in KillSwitch.objects.filter(lowered_at__isnull=True).order_by("target").values("target", "reason"):
        yield KillSpec(**row)


def _columns(kind: type) -> list[str]:
    return [one.name for one in fields(kind)]
