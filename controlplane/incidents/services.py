"""The only writer of kill switches, revocations, quarantines, egress blocks. An act that finds it done changes nothing.

What takes access away needs the right to raise, what gives it back the right to lower. A revoked token stays revoked.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from controlplane.common.actor import Actor, Right
from controlplane.common.errors import InvalidState
from controlplane.common.services import service
from controlplane.incidents.compile import concerns
from controlplane.incidents.models import (
    AskedToEnd,
    EgressBlock,
    KillSwitch,
    Quarantine,
    RevokedPrincipal,
    RevokedToken,
)
from controlplane.incidents.spool import Act
from controlplane.inventory.models import Server
from controlplane.policy.services import incident_changed
from controlplane.principals.models import OWN_ISSUER, IssuedToken, Principal
from controlplane.receipts.services import record_admin_receipt
from enforcer.contract.strict_json import JsonObject
from enforcer.contract.targets import Target, parse_target
from enforcer.contract.times import to_text

LONGEST_TARGET = 512
LONGEST_MESSAGE = 500
LONGEST_TOKEN_ID = 64
BY_ITSELF = "drawbridge"
HELD_KINDS = ("principal", "session")


@dataclass(frozen=True, slots=True)
class Switched:
    """`change_id` is None where nothing had to change; `server_ids` are those the target concerns."""

    switch: KillSwitch | None
    change_id: int | None
    server_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Acted:
    """`change_id` is None where it was so already; `server_ids` are those whose enforcers are told.

    `waits`: nothing has happened yet, a second person has to do it.
    """

    change_id: int | None
    server_ids: tuple[str, ...]
    waits: bool = False


@service(Right.RAISE_KILL)
def raise_kill(
    *, target: str, reason: str, actor: Actor, message: str = "", expires_at: datetime | None = None
) -> Switched:
    """Raise it; raises `InvalidState` for what is no target, or names a server that doesn't exist.

    One that is raised already stays so at least as long as both say: without an end is longest.
    """
    server_ids = check_target(target, message)
    if expires_at is not None and expires_at <= timezone.now():
        raise InvalidState("expires_at", "is over already; leave it out, or write a time to come")
    values = {"reason": reason, "message": message, "raised_by": actor.name, "expires_at": expires_at}
    switch, created = KillSwitch.objects.get_or_create(target=target, lowered_at=None, defaults=values)
    if not created:
        _extend(switch, expires_at, actor, reason)
        return Switched(switch, None, server_ids)
    return _switched(switch, "kill.raise", server_ids, actor, reason)


def check_target(target: str, message: str = "") -> tuple[str, ...]:
    """The servers that it concerns; raises `InvalidState` for what can't be raised."""
    _refuse_longer(message, LONGEST_MESSAGE, "message")
    server_ids = _servers(target)
    if not server_ids:
        _refuse_unknown_server(target)
    return server_ids


def expire_kills() -> int:
    """Lower what was raised for a time that is over; how many. By the publisher, each second."""
    over = KillSwitch.objects.filter(lowered_at__isnull=True, expires_at__lte=timezone.now()).order_by("id")
    rows = list(over.values_list("target", "raised_by"))
    for target, raised_by in rows:
        reason = f"its time was over, as {raised_by} said"
        lower_kill(target=target, reason=reason, actor=Actor(BY_ITSELF, frozenset({Right.LOWER_KILL})))
    return len(rows)


@service(Right.LOWER_KILL)
def lower_kill(*, target: str, reason: str, actor: Actor) -> Switched:
    """Lower it; raises `InvalidState` for what is no target."""
    server_ids = _servers(target)
    switch = KillSwitch.objects.select_for_update().filter(target=target, lowered_at__isnull=True).first()
    if switch is None:
        return Switched(None, None, server_ids)
    switch.lowered_by, switch.lowered_at, switch.lowered_reason = actor.name, timezone.now(), reason
    switch.save(update_fields=["lowered_by", "lowered_at", "lowered_reason"])
    return _switched(switch, "kill.lower", server_ids, actor, reason)


@service(Right.RAISE_KILL)
def revoke_principal(*, subject: str, issuer: str = OWN_ISSUER, reason: str, actor: Actor) -> Acted:
    """Every token of it is refused, those of later too; raises `InvalidState` for a principal that nobody knows."""
    if not _is_known(subject, issuer):
        sentence = f"there is no principal {subject!r} of {issuer!r}; write one that is declared"
        raise InvalidState("principal", sentence)
    values = {"actor": actor.name, "reason": reason}
    row, created = RevokedPrincipal.objects.get_or_create(subject=subject, issuer=issuer, defaults=values)
    detail: JsonObject = {"subject": subject, "issuer": issuer}
    _keep(row, "principal.keep", detail, actor, reason)
    return _acted("principal.revoke", detail, actor=actor, reason=reason, changed=created)


@service(Right.LOWER_KILL)
def restore_principal(*, subject: str, issuer: str = OWN_ISSUER, reason: str, actor: Actor) -> Acted:
    """Its tokens are accepted again, but those revoked one by one."""
    ended, _ = RevokedPrincipal.objects.filter(subject=subject, issuer=issuer).delete()
    detail: JsonObject = {"subject": subject, "issuer": issuer}
    return _acted("principal.restore", detail, actor=actor, reason=reason, changed=bool(ended))


@service(Right.RAISE_KILL)
def revoke_token(*, jti: str, reason: str, actor: Actor, expires_at: datetime | None = None) -> Acted:
    """For good. One that somebody else issued needs the time at which it ends; raises `InvalidState` without."""
    if not jti:
        raise InvalidState("jti", "is empty; write the id of a token")
    _refuse_longer(jti, LONGEST_TOKEN_ID, "jti")
    ours = IssuedToken.objects.filter(jti=jti).first()
    ends = ours.expires_at if ours else expires_at
    if ends is None:
        raise InvalidState("jti", f"nobody issued a token {jti!r} here; say when it ends if another issuer did")
    values = {"expires_at": ends, "actor": actor.name, "reason": reason}
    row, created = RevokedToken.objects.get_or_create(jti=jti, defaults=values)
    changed = created or _lasts_longer(row, ends)
    detail: JsonObject = {"jti": jti, "expires_at": to_text(ends.timestamp())}
    return _acted("token.revoke", detail, actor=actor, reason=reason, changed=changed)


@service(Right.RAISE_KILL)
def quarantine(*, target: str, reason: str, actor: Actor) -> Acted:
    """Hold a `principal:SUBJECT` or `session:ID`: it stays signed in and is refused everything."""
    _refuse_unheld(target)
    values = {"actor": actor.name, "reason": reason}
    row, created = Quarantine.objects.get_or_create(target=target, defaults=values)
    _keep(row, "quarantine.keep", {"target": target}, actor, reason)
    return _acted("quarantine.begin", {"target": target}, actor=actor, reason=reason, changed=created)


@service(Right.LOWER_KILL)
def end_quarantine(*, target: str, reason: str, actor: Actor) -> Acted:
    """It may do again what grants allow."""
    ended, _ = Quarantine.objects.filter(target=target).delete()
    return _acted("quarantine.end", {"target": target}, actor=actor, reason=reason, changed=bool(ended))


@service(Right.RAISE_KILL)
def block_egress(*, server: str, reason: str, actor: Actor) -> Acted:
    """It may reach nothing; raises `InvalidState` for a server that doesn't exist."""
    if not Server.objects.filter(id=server).exists():
        raise InvalidState("server", f"there is no server {server!r}; write the id of one that exists")
    row, created = EgressBlock.objects.get_or_create(server_id=server, defaults={"actor": actor.name, "reason": reason})
    _keep(row, "egress.keep", {"server": server}, actor, reason)
    return _egress("egress.block", server, actor, reason, changed=created)


@service(Right.LOWER_KILL)
def end_egress_block(*, server: str, reason: str, actor: Actor) -> Acted:
    """It may reach again what its egress list and its sandbox allow."""
    ended, _ = EgressBlock.objects.filter(server_id=server).delete()
    return _egress("egress.unblock", server, actor, reason, changed=bool(ended))


@transaction.atomic
def adopt_emergency(*, act: Act) -> None:
    """What a host operator did while the database was away: the row, its change and the receipts, dated as it was."""
    actor = Actor(act.by, frozenset((Right.RAISE_KILL, Right.LOWER_KILL)))
    reason = f"{act.reason} (in an emergency, {act.at}, as {act.id})"
    if act.lowers:
        lower_kill(target=act.target, reason=reason, actor=actor)
        return
    raised = raise_kill(target=act.target, reason=reason, actor=actor)
    if raised.switch is not None and raised.change_id is not None:
        KillSwitch.objects.filter(pk=raised.switch.pk).update(raised_at=datetime.fromisoformat(act.at))


def _extend(switch: KillSwitch, expires_at: datetime | None, actor: Actor, reason: str) -> None:
    """Never shorter than it was."""
    if switch.expires_at is None or (expires_at is not None and expires_at <= switch.expires_at):
        return
    switch.expires_at = expires_at
    switch.save(update_fields=["expires_at"])
    ends = "never" if expires_at is None else to_text(expires_at.timestamp())
    detail: JsonObject = {"target": switch.target, "kill_switch_id": f"kill-{switch.pk}", "expires_at": ends}
    record_admin_receipt(actor=actor.name, action="kill.extend", detail={**detail, "reason": reason})


def _switched(switch: KillSwitch, action: str, server_ids: tuple[str, ...], actor: Actor, reason: str) -> Switched:
    detail: JsonObject = {"target": switch.target, "kill_switch_id": f"kill-{switch.pk}"}
    if action == "kill.raise" and switch.expires_at is not None:
        detail["expires_at"] = to_text(switch.expires_at.timestamp())
    if action == "kill.lower" and switch.asked_by:
        detail["asked_by"] = switch.asked_by
    return Switched(switch, _publish(action, detail, server_ids, actor, reason), server_ids)


def _acted(action: str, detail: JsonObject, *, actor: Actor, reason: str, changed: bool) -> Acted:
    """Each server's state holds all revocations and quarantines: the enforcer of any may meet the caller."""
    server_ids = tuple(Server.objects.order_by("id").values_list("id", flat=True))
    return Acted(_publish(action, detail, server_ids, actor, reason) if changed else None, server_ids)


def _egress(action: str, server: str, actor: Actor, reason: str, *, changed: bool) -> Acted:
    detail: JsonObject = {"server": server}
    return Acted(_publish(action, detail, (server,), actor, reason) if changed else None, (server,))


def _keep(row: AskedToEnd, action: str, detail: JsonObject, actor: Actor, reason: str) -> None:
    """Who stops it again answers with no to whoever asked to end it."""
    if row.asked_by:
        said: JsonObject = {**detail, "asked_by": row.asked_by, "reason": reason}
        record_admin_receipt(actor=actor.name, action=action, detail=said)
        row.forget_asked()


def _publish(action: str, detail: JsonObject, server_ids: Iterable[str], actor: Actor, reason: str) -> int:
    change = incident_changed(server_ids=server_ids, actor=actor, reason=reason)
    record_admin_receipt(actor=actor.name, action=action, detail={**detail, "reason": reason})
    return change


def _is_known(subject: str, issuer: str) -> bool:
    """A typing error must not look like a revocation."""
    declared = Principal.objects.filter(subject=subject, issuer=issuer).exists()
    return declared or (issuer == OWN_ISSUER and IssuedToken.objects.filter(subject=subject).exists())


def _lasts_longer(row: RevokedToken, ends: datetime) -> bool:
    """Whoever revoked it before may have named too early an end: then it would have come back."""
    if row.expires_at >= ends:
        return False
    row.expires_at = ends
    row.save(update_fields=["expires_at"])
    return True


def _refuse_unheld(target: str) -> None:
    parsed = parse_target(target)
    if not isinstance(parsed, Target):
        raise InvalidState("TARGET", parsed)
    if parsed.kind not in HELD_KINDS:
        raise InvalidState("TARGET", f"{target!r} can't be quarantined; write principal:SUBJECT or session:ID")
    _refuse_longer(target, LONGEST_TARGET, "TARGET")


def _servers(target: str) -> tuple[str, ...]:
    parsed = parse_target(target)
    if not isinstance(parsed, Target):
        raise InvalidState("TARGET", parsed)
    _refuse_longer(target, LONGEST_TARGET, "TARGET")
    ids = Server.objects.order_by("id").values_list("id", flat=True)
    return tuple(id_ for id_ in ids if concerns(target, id_))


def _refuse_longer(text: str, longest: int, name: str) -> None:
    if len(text) > longest:
        raise InvalidState(name, f"has {len(text)} characters; {longest} are allowed")


def _refuse_unknown_server(target: str) -> None:
    """A typing error must not look like a stop. Targets that concern every server have none only where none is."""
    parsed = parse_target(target)
    assert isinstance(parsed, Target)
    if parsed.kind in ("server", "tool", "credential"):
        name = parsed.server or parsed.name
        raise InvalidState("TARGET", f"there is no server {name!r}; write the id of one that exists")
