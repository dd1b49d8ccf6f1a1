"""What the rows hold, in the form of a policy file; the diff reads this, and so will an export."""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import TypeVar

from django.db.models import Model, QuerySet

from controlplane.grants.models import Grant
from controlplane.grants.specs import GrantSpec
from controlplane.incidents.models import KillSwitch
from controlplane.inventory.models import Server, Tool, ToolState, TrustLevel
from controlplane.inventory.specs import ServerSpec, ToolSpec, TrustLevelSpec
from controlplane.policy.declarative.policy import KillSpec, Policy, ToolKey
from controlplane.principals.models import Group, IdentityProvider, Principal
from controlplane.principals.specs import GroupSpec, IdentityProviderSpec, PrincipalKey, PrincipalSpec

S = TypeVar("S", TrustLevelSpec, ServerSpec, ToolSpec, IdentityProviderSpec)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Which rows to read; levels, providers, servers and raised switches are few and always read whole."""

    groups: QuerySet[Group] = field(default_factory=Group.objects.all)
    principals: QuerySet[Principal] = field(default_factory=Principal.objects.all)
    tools: QuerySet[Tool] = field(default_factory=Tool.objects.all)
    grants: QuerySet[Grant] = field(default_factory=Grant.objects.all)


def current_policy(rows: Rows | None = None) -> Policy:
    """Every object a file can speak of, or a part. Retired servers count as absent; discovered tools stand apart."""
    rows = rows or Rows()
    tools = list(rows.tools.filter(server__retired=False).order_by("server_id", "name"))
    servers = Server.objects.filter(retired=False).order_by("id")
    providers = IdentityProvider.objects.order_by("id")
    grants = rows.grants.order_by("key").select_related("principal", "group")
    return Policy(
        trust_levels={row.name: _spec(TrustLevelSpec, row) for row in TrustLevel.objects.order_by("name")},
        identity_providers={row.issuer: _spec(IdentityProviderSpec, row) for row in providers},
        groups={row.name: GroupSpec(name=row.name) for row in rows.groups.order_by("name")},
        principals={spec.key: spec for spec in map(_principal, rows.principals.prefetch_related("groups"))},
        servers={row.id: _spec(ServerSpec, row) for row in servers},
        tools=_tools(row for row in tools if row.declared),
        grants={row.key: _grant(row) for row in grants},
        kill_switches=_raised(),
        discovered=_tools(row for row in tools if not row.declared),
    )


def held_tools(server_ids: Iterable[str] | None = None) -> set[ToolKey]:
    """Tools that wait for a review, of these servers or of all."""
    waiting = Tool.objects.exclude(state=ToolState.REVIEWED)
    if server_ids is not None:
        waiting = waiting.filter(server_id__in=set(server_ids))
    return set(waiting.values_list("server_id", "name"))


def _raised() -> dict[str, KillSpec]:
    rows = KillSwitch.objects.filter(lowered_at__isnull=True)
    return {row.target: KillSpec(target=row.target, reason=row.reason) for row in rows}


def _tools(rows: Iterable[Tool]) -> dict[ToolKey, ToolSpec]:
    return {spec.key: spec for spec in (_spec(ToolSpec, row) for row in rows)}


def _principal(row: Principal) -> PrincipalSpec:
    groups = sorted(group.name for group in row.groups.all())
    return PrincipalSpec(subject=row.subject, issuer=row.issuer, actor_type=row.actor_type, groups=groups)


def _grant(row: Grant) -> GrantSpec:
    values = {f.name: getattr(row, f.name) for f in fields(GrantSpec)}
    principal = PrincipalKey(row.principal.issuer, row.principal.subject) if row.principal else None
    group = row.group.name if row.group else ""
    return GrantSpec(**values | {"principal": principal, "group": group, "server_id": row.server_id or ""})


def _spec(kind: type[S], row: Model) -> S:
    return kind(**{f.name: getattr(row, f.name) for f in fields(kind)})
