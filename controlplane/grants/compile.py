"""Rows of this app → their part of a snapshot."""

from datetime import datetime

from controlplane.common.numbers import as_read
from controlplane.grants.models import Grant
from enforcer.contract.levels import Risk
from enforcer.contract.snapshot import GrantPolicy
from enforcer.contract.times import to_text

EVERY_TOOL = ("*",)


def grant_policy(row: Grant) -> GrantPolicy:
    """One grant, narrowed to a server that it speaks of; who it is for stands at the principals."""
    return GrantPolicy(
        id=row.key,
        effect="deny" if row.effect == "deny" else "allow",
        tools=tuple(row.tools) if row.server_id else EVERY_TOOL,
        risk=Risk(row.risk) if row.risk else None,
        max_risk=Risk(row.max_risk),
        constraint=as_read(row.constraint),
        rate=row.rate or None,
        not_before=_time(row.not_before),
        not_after=_time(row.not_after),
    )


def _time(moment: datetime | None) -> str | None:
    return to_text(moment.timestamp()) if moment else None
