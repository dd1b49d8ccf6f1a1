"""The outbox: whoever changes something says so in its own transaction, and the publisher does the rest."""

from collections.abc import Iterable

from django.db import transaction

from controlplane.common.actor import Actor
from controlplane.policy.models import Change, ChangedServer, Kind
from controlplane.policy.wake import wake


@transaction.atomic
def policy_changed(*, server_ids: Iterable[str], actor: Actor, reason: str) -> int:
    """Have the snapshots of these servers compiled anew; returns the change id."""
    return _changed(Kind.POLICY, server_ids, actor, reason)


@transaction.atomic
def incident_changed(*, server_ids: Iterable[str], actor: Actor, reason: str) -> int:
    """Have the incident states of these servers compiled anew; returns the change id."""
    return _changed(Kind.INCIDENT, server_ids, actor, reason)


def _changed(kind: Kind, server_ids: Iterable[str], actor: Actor, reason: str) -> int:
    change = Change.objects.create(kind=kind, actor=actor.name, reason=reason)
    ChangedServer.objects.bulk_create(ChangedServer(change=change, server_id=id_) for id_ in sorted(set(server_ids)))
    transaction.on_commit(wake, robust=True)
    return change.pk
