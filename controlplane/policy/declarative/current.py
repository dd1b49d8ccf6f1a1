"""What the rows hold, in the form of a policy file; the diff reads this, and so will an export."""

from collections.abc import Iterable
from dataclasses import fields
from typing import TypeVar

from django.db.models import Model

from controlplane.grants.models import Grant
from controlplane.grants.specs import GrantSpec
from controlplane.incidents.models import KillSwitch
from controlplane.inventory.models import Server, Tool, ToolState, TrustLevel
from controlplane.inventory.specs import ServerSpec, ToolSpec, TrustLevelSpec
from controlplane.policy.declarative.policy import KillSpec, Policy, ToolKey
from controlplane.principals.models import Group, IdentityProvider, Principal
from controlplane.principals.specs import GroupSpec, IdentityProviderSpec, PrincipalKey, PrincipalSpec

S = TypeVar("S", TrustLevelSpec, ServerSpec, ToolSpec, IdentityProviderSpec)


def current_policy() -> Policy:
    """Every object a file can speak of. Retired servers count as absent; discovered tools stand apart."""
    tools = list(Tool.objects.filter(server__retired=False).order_by("server_id", "name"))
    servers = Server.objects.filter(retired=False).order_by("id")
    providers = IdentityProvider.objects.order_by("id")
    return Policy(
        trust_levels={row.name: _spec(TrustLevelSpec, row) for row in TrustLevel.objects.order_by("name")},
        identity_providers={row.issuer: _spec(IdentityProviderSpec, row) for row in providers},
        groups={row.name: GroupSpec(name=row.name) for row in Group.objects.order_by("name")},
        principals={spec.key: spec for spec in map(_principal, Principal.objects.prefetch_related("groups"))},
        servers={row.id: _spec(ServerSpec, row) for row in servers},
        tools=_tools(row for row in tools if row.declared),
        grants={row.key: _grant(row) for row in Grant.objects.order_by("key").select_related("principal", "group")},
        kill_switches=_raised(),
        discovered=_tools(row for row in tools if not row.declared),
    )


def held_tools() -> set[ToolKey]:
    """Tools that wait for a review."""
    return set(Tool.objects.exclude(state=ToolState.REVIEWED).values_list("server_id", "name"))


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
