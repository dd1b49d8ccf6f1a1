"""From a row to the change that published it: written in one transaction, the change right after the row."""

from datetime import datetime, timedelta

from controlplane.policy.models import Change, Kind

SOON = timedelta(seconds=30)  # one transaction is over long before


def change_of(actor: str, at: datetime | None) -> int | None:
    """The first incident change by this actor since then; edits run one after the other, so no other comes between."""
    if at is None:
        return None
    changes = Change.objects.filter(kind=Kind.INCIDENT, created_at__gte=at, created_at__lte=at + SOON)
    first = changes.order_by("id").first()
    return first.pk if first is not None and first.actor == actor else None
