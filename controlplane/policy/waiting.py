"""Waiting until the publisher has published a change. Whether enforcers apply it, `controlplane.fleet` says."""

import time

from controlplane.common.errors import InvalidState, StackUnreachable
from controlplane.fleet.convergence import Convergence, Watch, incident_applied, snapshot_applied
from controlplane.inventory.models import Server
from controlplane.policy.models import Change, ChangedServer, Kind, Published

POLL_S = 0.01


def wait_published(change_id: int, timeout_s: float) -> bool:
    """False where the publisher did not answer in time; raises `InvalidState` where it could not compile."""
    deadline = time.monotonic() + timeout_s
    while not _published(change_id):
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_S)
    return True


def wait_applied(change_id: int, timeout_s: float) -> Convergence:
    """Wait until every live enforcer of the changed servers reports the version; `wait_published` comes first."""
    kind = Change.objects.get(id=change_id).kind
    wanted = numbers(change_id)
    with Watch().open() as watch:
        holds = incident_applied if kind == Kind.INCIDENT else snapshot_applied
        return watch.wait(holds, wanted, timeout_s=timeout_s, live_only=True)


def await_generation(generation: int, timeout_s: float) -> None:
    """Until every server's documents are of this generation; raises `StackUnreachable` where they don't become so."""
    deadline = time.monotonic() + timeout_s
    wanted = Server.objects.filter(retired=False).count()
    there = Published.objects.filter(
        snapshot__generation__gte=generation, incident__generation__gte=generation, server__retired=False
    )
    while there.count() < wanted:
        if time.monotonic() >= deadline:
            raise StackUnreachable(f"generation {generation} is signed, but the publisher doesn't follow; is it up?")
        time.sleep(POLL_S)


def numbers(change_id: int) -> dict[str, int]:
    """Server → the version or epoch under which the change was published; those not published yet are missing."""
    parts = ChangedServer.objects.filter(change_id=change_id, document__isnull=False).select_related("document")
    return {part.server_id: part.document.number for part in parts if part.document}


def _published(change_id: int) -> bool:
    parts = list(ChangedServer.objects.filter(change_id=change_id).order_by("server_id"))
    for part in parts:
        if part.error:
            raise InvalidState("not_compiled", f"server {part.server_id}: {part.error}; the last good version stays")
    return all(part.document_id for part in parts)
