"""Everything recomputed from the stored bytes: on demand, and once a day with the result kept."""

import time
from collections.abc import Callable, Sequence
from datetime import date, datetime

from django.db import transaction
from django.utils import timezone

from controlplane.receipts.checkpoints import Heard, newest_number, verify_checkpoints, verify_kept
from controlplane.receipts.exporting import verify_stored
from controlplane.receipts.models import Checkpoint, Verification
from controlplane.receipts.public_keys import checkpoint_keys
from enforcer.contract.export import ExportReport

KEPT_PROBLEMS = 20
AGAIN_AFTER_S = 60.0


def verify_everything(
    tell: Callable[[int], None] = lambda _percent: None, kept: Sequence[bytes] = ()
) -> tuple[ExportReport, int]:
    """Receipts, chains, heads, archives and checkpoints; returns what was found and how many checkpoints there are.

    `tell` hears each percent; `kept` are checkpoints that were kept elsewhere. Raises as `checkpoint_keys`.
    """
    heard, last = Heard(), newest_number()
    report = verify_stored(tell, heard.hear)
    if last or kept:
        keys = checkpoint_keys()
        report.problems += [*verify_checkpoints(heard, keys, last), *verify_kept(kept, keys)]
    return report, Checkpoint.objects.filter(number__lte=last).count()


def verify_twice() -> tuple[ExportReport, int]:
    """As `verify_everything`. Receipts come in meanwhile, a chain's end after the next one's beginning, say: what seems
    wrong is looked at again, and counts if it is wrong then.
    """
    found = verify_everything()
    if not found[0].problems:
        return found
    time.sleep(AGAIN_AFTER_S)
    return verify_everything()


@transaction.atomic
def begin_day(*, day: date, now: datetime) -> Verification | None:
    """Whoever comes first does it; None for all others."""
    made, first = Verification.objects.get_or_create(day=day, defaults={"began_at": now})
    return made if first else None


@transaction.atomic
def end_day(*, day: date, report: ExportReport, checkpoints: int, now: datetime) -> Verification:
    """Keep what was found, of many problems the first."""
    verification = Verification.objects.select_for_update().get(day=day)
    verification.ended_at = now
    verification.receipts, verification.chains = report.receipts, report.chains
    verification.checkpoints = checkpoints
    verification.problems, verification.wrong = report.problems[:KEPT_PROBLEMS], len(report.problems)
    verification.save()
    return verification


def newest() -> Verification | None:
    """The last that came to an end."""
    return Verification.objects.filter(ended_at__isnull=False).order_by("-day").first()


def due(now: datetime) -> bool:
    """Whether nobody has begun today's, in UTC."""
    return not Verification.objects.filter(day=now.date()).exists()


def today() -> date:
    """In UTC."""
    return timezone.now().date()
