"""The only writer of kill switches. Raising what is raised, and lowering what isn't, changes nothing."""

from dataclasses import dataclass

from django.utils import timezone

from controlplane.common.actor import Actor, Right
from controlplane.common.errors import InvalidState
from controlplane.common.services import service
from controlplane.incidents.compile import concerns
from controlplane.incidents.models import KillSwitch
from controlplane.inventory.models import Server
from controlplane.policy.services import incident_changed
from controlplane.receipts.services import record_admin_receipt
from enforcer.contract.targets import Target, parse_target


@dataclass(frozen=True, slots=True)
class Switched:
    """`change_id` is None where nothing had to change; `server_ids` are those the target concerns."""

    switch: KillSwitch | None
    change_id: int | None
    server_ids: tuple[str, ...]


@service(Right.RAISE_KILL)
def raise_kill(*, target: str, reason: str, actor: Actor, message: str = "") -> Switched:
    """Raise it; raises `InvalidState` for what is no target, or names a server that doesn't exist."""
    server_ids = _servers(target)
    if not server_ids:
        _refuse_unknown_server(target)
    values = {"reason": reason, "message": message, "raised_by": actor.name}
    switch, created = KillSwitch.objects.get_or_create(target=target, lowered_at=None, defaults=values)
    if not created:
        return Switched(switch, None, server_ids)
    return _switched(switch, "kill.raise", server_ids, actor, reason)


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


def _switched(switch: KillSwitch, action: str, server_ids: tuple[str, ...], actor: Actor, reason: str) -> Switched:
    change = incident_changed(server_ids=server_ids, actor=actor, reason=reason)
    record_admin_receipt(
        actor=actor.name,
        action=action,
        detail={"target": switch.target, "reason": reason, "kill_switch_id": f"kill-{switch.pk}"},
    )
    return Switched(switch, change, server_ids)


def _servers(target: str) -> tuple[str, ...]:
    parsed = parse_target(target)
    if not isinstance(parsed, Target):
        raise InvalidState("TARGET", parsed)
    ids = Server.objects.order_by("id").values_list("id", flat=True)
    return tuple(id_ for id_ in ids if concerns(target, id_))


def _refuse_unknown_server(target: str) -> None:
    """A typing error must not look like a stop. Targets that concern every server have none only where none is."""
    parsed = parse_target(target)
    assert isinstance(parsed, Target)
    if parsed.kind in ("server", "tool", "credential"):
        name = parsed.server or parsed.name
        raise InvalidState("TARGET", f"there is no server {name!r}; write the id of one that exists")
