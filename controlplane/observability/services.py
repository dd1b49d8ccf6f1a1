"""The only writer of pulses. Parts of the control plane beat for themselves; nobody acts."""

from datetime import datetime

from django.db import transaction

from controlplane.observability.models import Pulse

INGEST = "ingest"


@transaction.atomic
def beat(*, part: str, at: datetime) -> None:
    """The part lives, and could write that here."""
    if not Pulse.objects.filter(part=part).update(at=at):
        Pulse.objects.create(part=part, at=at)
