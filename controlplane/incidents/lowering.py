"""What gives access back takes two persons on pages and API: one asks, another does it (`KILL_LOWER_SECOND_PERSON`).

The host operator acts alone, by `manage.py kill lower`: somebody has to be able to at night.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from controlplane.accounts.people import people_behind
from controlplane.common.actor import Actor, Right
from controlplane.common.errors import NotAllowed
from controlplane.common.services import service
from controlplane.incidents import services
from controlplane.incidents.models import AskedToEnd, EgressBlock, KillSwitch, Quarantine, RevokedPrincipal
from controlplane.incidents.services import Acted, Switched, lower_kill
from controlplane.principals.models import OWN_ISSUER
from controlplane.receipts.services import record_admin_receipt
from enforcer.contract.strict_json import JsonObject

ASKED_FOR = timedelta(hours=24)
R = TypeVar("R", bound=AskedToEnd)


def asked(row: AskedToEnd) -> bool:
    """Whether somebody wants it ended, and a second person may do it now."""
    fresh = row.asked_at is not None and row.asked_at > timezone.now() - ASKED_FOR
    return fresh and not (isinstance(row, KillSwitch) and row.lowered_at is not None)


def waiting_to_be_lowered() -> QuerySet[KillSwitch]:
    """By a second person, the longest waiting first."""
    return _asked_lately(KillSwitch.objects.filter(lowered_at__isnull=True))


def waiting_to_be_ended(most: int) -> list[RevokedPrincipal | Quarantine | EgressBlock]:
    """The same of everything else that is stopped, so many of each kind."""
    return [
        *_asked_lately(RevokedPrincipal.objects.all())[:most],
        *_asked_lately(Quarantine.objects.all())[:most],
        *_asked_lately(EgressBlock.objects.all())[:most],
    ]


def is_second(row: AskedToEnd, actor: Actor) -> bool:
    """Whether this actor is somebody else than who asked, makers of tokens included."""
    return asked(row) and not people_behind(row.asked_by) & people_behind(actor.name)


@service(Right.LOWER_KILL)
def lower_by_two(*, target: str, reason: str, actor: Actor) -> Switched:
    """Ask, or do what somebody else asked for; `switch.lowered_at` says which. Raises as `lower_kill`, and `NotAllowed`
    where who asked comes again."""
    switch = KillSwitch.objects.select_for_update().filter(target=target, lowered_at__isnull=True).first()
    if _may_end(switch, actor):
        return lower_kill(target=target, reason=reason, actor=actor)
    assert switch is not None
    detail: JsonObject = {"target": target, "kill_switch_id": f"kill-{switch.pk}"}
    _ask(switch, actor, reason, "kill.ask_lower", detail)
    return Switched(switch, None, ())


@service(Right.LOWER_KILL)
def restore_by_two(*, subject: str, issuer: str = OWN_ISSUER, reason: str, actor: Actor) -> Acted:
    """Ask to end the revocation of a principal, or end it; `waits` says which. Raises as `lower_by_two`."""
    row = RevokedPrincipal.objects.select_for_update().filter(subject=subject, issuer=issuer).first()
    detail: JsonObject = {"subject": subject, "issuer": issuer}
    return _by_two(
        row,
        (actor, reason, "principal.ask_restore", detail),
        lambda: services.restore_principal(subject=subject, issuer=issuer, reason=reason, actor=actor),
    )


@service(Right.LOWER_KILL)
def end_quarantine_by_two(*, target: str, reason: str, actor: Actor) -> Acted:
    """Ask to end a quarantine, or end it; `waits` says which. Raises as `lower_by_two`."""
    row = Quarantine.objects.select_for_update().filter(target=target).first()
    return _by_two(
        row,
        (actor, reason, "quarantine.ask_end", {"target": target}),
        lambda: services.end_quarantine(target=target, reason=reason, actor=actor),
    )


@service(Right.LOWER_KILL)
def end_egress_block_by_two(*, server: str, reason: str, actor: Actor) -> Acted:
    """Ask to end an egress block, or end it; `waits` says which. Raises as `lower_by_two`."""
    row = EgressBlock.objects.select_for_update().filter(server_id=server).first()
    return _by_two(
        row,
        (actor, reason, "egress.ask_end", {"server": server}),
        lambda: services.end_egress_block(server=server, reason=reason, actor=actor),
    )


@service(Right.RAISE_KILL)
def keep_raised(*, target: str, reason: str, actor: Actor) -> bool:
    """Nobody lowers it by what was asked before; whether anybody had asked."""
    switch = KillSwitch.objects.select_for_update().filter(target=target, lowered_at__isnull=True).first()
    if switch is None or not asked(switch):
        return False
    detail: JsonObject = {"target": target, "kill_switch_id": f"kill-{switch.pk}", "reason": reason}
    record_admin_receipt(actor=actor.name, action="kill.keep", detail={**detail, "asked_by": switch.asked_by})
    switch.forget_asked()
    return True


def _asked_lately(rows: QuerySet[R]) -> QuerySet[R]:
    return rows.filter(asked_at__gt=timezone.now() - ASKED_FOR).order_by("asked_at")


def _may_end(row: AskedToEnd | None, actor: Actor) -> bool:
    """What isn't there any more needs nobody: the service says so."""
    return not settings.KILL_LOWER_SECOND_PERSON or row is None or is_second(row, actor)


def _by_two(row: AskedToEnd | None, asking: tuple[Actor, str, str, JsonObject], end: Callable[[], Acted]) -> Acted:
    if row is None or _may_end(row, asking[0]):
        return end()
    _ask(row, *asking)
    return Acted(None, (), waits=True)


def _ask(row: AskedToEnd, actor: Actor, reason: str, action: str, detail: JsonObject) -> None:
    if asked(row):
        raise NotAllowed("second_person", "you asked for it; somebody else has to lower it")
    row.asked_by, row.asked_at, row.asked_reason = actor.name, timezone.now(), reason
    row.save(update_fields=["asked_by", "asked_at", "asked_reason"])
    record_admin_receipt(actor=actor.name, action=action, detail={**detail, "reason": reason})
