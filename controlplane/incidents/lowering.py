"""Lowering a switch takes two persons on pages and API: one asks, another does it (`KILL_LOWER_SECOND_PERSON`).

The host operator acts alone, by `manage.py kill lower`: somebody has to be able to at night.
"""

from datetime import timedelta

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from controlplane.accounts.people import people_behind
from controlplane.common.actor import Actor, Right
from controlplane.common.errors import NotAllowed
from controlplane.common.services import service
from controlplane.incidents.models import KillSwitch
from controlplane.incidents.services import Switched, lower_kill
from controlplane.receipts.services import record_admin_receipt
from enforcer.contract.strict_json import JsonObject

ASKED_FOR = timedelta(hours=24)


def asked(switch: KillSwitch) -> bool:
    """Whether somebody wants it lowered, and a second person may do it now."""
    fresh = switch.asked_at is not None and switch.asked_at > timezone.now() - ASKED_FOR
    return fresh and switch.lowered_at is None


def waiting_to_be_lowered() -> QuerySet[KillSwitch]:
    """By a second person, the longest waiting first."""
    since = timezone.now() - ASKED_FOR
    return KillSwitch.objects.filter(lowered_at__isnull=True, asked_at__gt=since).order_by("asked_at")


def is_second(switch: KillSwitch, actor: Actor) -> bool:
    """Whether this actor is somebody else than who asked, makers of tokens included."""
    return asked(switch) and not people_behind(switch.asked_by) & people_behind(actor.name)


@service(Right.LOWER_KILL)
def lower_by_two(*, target: str, reason: str, actor: Actor) -> Switched:
    """Ask, or do what somebody else asked for; `switch.lowered_at` says which. Raises as `lower_kill`, and `NotAllowed`
    where who asked comes again."""
    if not settings.KILL_LOWER_SECOND_PERSON:
        return lower_kill(target=target, reason=reason, actor=actor)
    switch = KillSwitch.objects.select_for_update().filter(target=target, lowered_at__isnull=True).first()
    if switch is None or is_second(switch, actor):
        return lower_kill(target=target, reason=reason, actor=actor)
    if asked(switch):
        raise NotAllowed("second_person", "you asked for it; somebody else has to lower it")
    switch.asked_by, switch.asked_at, switch.asked_reason = actor.name, timezone.now(), reason
    switch.save(update_fields=["asked_by", "asked_at", "asked_reason"])
    detail: JsonObject = {"target": target, "kill_switch_id": f"kill-{switch.pk}", "reason": reason}
    record_admin_receipt(actor=actor.name, action="kill.ask_lower", detail=detail)
    return Switched(switch, None, ())


@service(Right.RAISE_KILL)
def keep_raised(*, target: str, reason: str, actor: Actor) -> bool:
    """Nobody lowers it by what was asked before; whether anybody had asked."""
    switch = KillSwitch.objects.select_for_update().filter(target=target, lowered_at__isnull=True).first()
    if switch is None or not asked(switch):
        return False
    detail: JsonObject = {"target": target, "kill_switch_id": f"kill-{switch.pk}", "reason": reason}
    record_admin_receipt(actor=actor.name, action="kill.keep", detail={**detail, "asked_by": switch.asked_by})
    switch.asked_by, switch.asked_at, switch.asked_reason = "", None, ""
    switch.save(update_fields=["asked_by", "asked_at", "asked_reason"])
    return True
