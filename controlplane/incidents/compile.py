"""Rows → the incident state of one server: the full state, everything that could concern it."""

from datetime import datetime, timedelta

import msgspec

from controlplane.incidents.models import EgressBlock, KillSwitch, Quarantine, RevokedPrincipal, RevokedToken
from controlplane.inventory.models import Server
from enforcer.contract import incident
from enforcer.contract.documents import SCHEMA
from enforcer.contract.incident import Incident
from enforcer.contract.targets import Target, parse_target
from enforcer.contract.times import to_text

ONE_SERVER = ("server", "tool", "credential")
STAYS_REVOKED = timedelta(days=1)  # past its end: enforcers give tokens some leeway, and their clocks may be behind


def compile_incident(server: Server, *, epoch: int, generation: int, now: datetime) -> Incident:
    """Sorted, so that equal rows give equal bytes."""
    whole = stopped_on(server.id, now)
    return msgspec.structs.replace(
        whole,
        generation=generation,
        epoch=epoch,
        kill_switches=tuple(switch for switch in whole.kill_switches if concerns(switch.target, server.id)),
    )


def stopped_on(server_id: str, now: datetime) -> Incident:
    """All that is stopped anywhere, and whether this server's egress is blocked."""
    blocked = EgressBlock.objects.filter(server_id=server_id).exists()
    return msgspec.structs.replace(everything_stopped(now), server_id=server_id, egress_blocked=blocked)


def everything_stopped(now: datetime) -> Incident:
    """All that is stopped anywhere, as the state of no server."""
    raised = KillSwitch.objects.filter(lowered_at__isnull=True).order_by("id")
    return Incident(
        schema=SCHEMA,
        generation=1,
        issued_at=to_text(now.timestamp()),
        server_id="",
        epoch=1,
        kill_switches=tuple(_switch(row) for row in raised),
        revoked_principals=tuple(
            incident.RevokedPrincipal(subject=row.subject, issuer=row.issuer)
            for row in RevokedPrincipal.objects.order_by("issuer", "subject")
        ),
        revoked_tokens=tuple(
            RevokedToken.objects.filter(expires_at__gt=now - STAYS_REVOKED)
            .order_by("jti")
            .values_list("jti", flat=True)
        ),
        quarantined=tuple(Quarantine.objects.order_by("target").values_list("target", flat=True)),
    )


def stopped(state: Incident) -> Incident:
    """Everything of the server killed: for a state too large to be read, of which nothing may be left out."""
    return Incident(
        schema=state.schema,
        generation=state.generation,
        issued_at=state.issued_at,
        server_id=state.server_id,
        epoch=state.epoch,
        kill_switches=(incident.KillSwitch(id="too-large", target="all"),),
    )


def concerns(text: str, server_id: str) -> bool:
    """Whether a server's enforcers are told of this target; one that can't be read concerns everybody."""
    target = parse_target(text)
    if not isinstance(target, Target) or target.kind not in ONE_SERVER:
        return True
    return server_id == (target.server if target.kind == "tool" else target.name)


def _switch(row: KillSwitch) -> incident.KillSwitch:
    return incident.KillSwitch(id=f"kill-{row.pk}", target=row.target, message=row.message or None)
