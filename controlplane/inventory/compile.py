"""Rows of this app → their part of a snapshot. The casts are what the check constraints of the rows hold."""

from typing import Literal, cast

import msgspec
from django.db.models import Q, QuerySet

from controlplane.common.numbers import as_read
from controlplane.inventory.models import NEVER_APPROVED, RiskPattern, Server, Tool, TrustLevel
from enforcer.contract.levels import Risk
from enforcer.contract.levels import TrustLevel as Level
from enforcer.contract.snapshot import (
    Allowed,
    Credential,
    CredentialMode,
    FsPolicy,
    Limits,
    NetPolicy,
    Sandbox,
    ServerPolicy,
    ToolPolicy,
    TrustPolicy,
)
from enforcer.contract.strict_json import JsonObject
from enforcer.policy import risk_patterns
from enforcer.policy.risk_patterns import Where

ToolState = Literal["reviewed", "unreviewed", "changed", "quarantined"]


def trust_policy(row: TrustLevel) -> TrustPolicy:
    """The level of a server."""
    return TrustPolicy(
        name=Level(row.name),
        ceiling=Risk(row.ceiling),
        pins="optional" if row.pins == "optional" else "required",
        stale_high_s=row.stale_high_s,
        stale_all_s=row.stale_all_s,
    )


def server_policy(row: Server) -> ServerPolicy:
    """The server itself; an empty sandbox is its level's."""
    level = row.trust_level
    return ServerPolicy(
        id=row.id,
        title=row.title,
        credential=Credential(mode=cast("CredentialMode", row.credential_mode)),
        sandbox=Sandbox(
            fs=cast("FsPolicy", row.sandbox_fs or level.sandbox_fs),
            net=cast("NetPolicy", row.sandbox_net or level.sandbox_net),
        ),
        workspace=row.workspace or None,
        egress=tuple(row.egress),
        allow=Allowed(
            sampling=row.allow_sampling,
            elicitation=row.allow_elicitation,
            roots=row.allow_roots,
            tasks=row.allow_tasks,
            completion=row.allow_completion,
        ),
        limits=Limits(
            max_request_bytes=row.max_request_bytes,
            max_response_bytes=row.max_response_bytes,
            timeout_s=row.timeout_s,
            rate=row.rate or None,
        ),
    )


def critical_patterns() -> tuple[str, ...]:
    """Those that make a call CRITICAL by its arguments; the others count where a risk is proposed."""
    rows = RiskPattern.objects.filter(where="arguments", risk=Risk.CRITICAL).order_by("pattern")
    return tuple(rows.values_list("pattern", flat=True))


def own_patterns() -> tuple[risk_patterns.RiskPattern, ...]:
    """All of them, for proposals."""
    rows = RiskPattern.objects.order_by("where", "pattern")
    return tuple(risk_patterns.RiskPattern(row.pattern, Risk(row.risk), cast("Where", row.where)) for row in rows)


def tools_of(server: Server) -> QuerySet[Tool]:
    """Those that its snapshot names: what nobody ever approved and the server no longer lists is forgotten."""
    return server.tools.exclude(NEVER_APPROVED & Q(vanished_at__isnull=False)).order_by("name")


def tool_policy(row: Tool) -> ToolPolicy:
    """One tool. What nobody can call has no schema: it may be one that nobody could check."""
    made = callable_policy(row, as_read(row.input_schema))
    if row.state == "reviewed":
        return made
    return msgspec.structs.replace(made, input_schema={}, path_arguments=None, url_arguments=None)


def callable_policy(row: Tool, input_schema: JsonObject) -> ToolPolicy:
    """The tool as if it were called with arguments of this schema."""
    return ToolPolicy(
        name=row.name,
        risk=Risk(row.risk),
        state=cast("ToolState", row.state),
        input_schema=input_schema,
        declared=row.declared,
        path_arguments=_pointers(row.path_arguments),
        url_arguments=_pointers(row.url_arguments),
        pin=row.pin or None,
        seen=row.seen or None,
    )


def _pointers(stored: list[str] | None) -> tuple[str, ...] | None:
    return None if stored is None else tuple(stored)
