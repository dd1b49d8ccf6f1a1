"""The only writer of notices. The watcher acts for itself; nobody else does."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from django.db import transaction

from controlplane.notices.conditions import Key
from controlplane.notices.models import Delivery, Notice

AGAIN = (5, 30, 120, 600, 3600)  # seconds before each further try; the last again and again
GIVE_UP = 20


@transaction.atomic
def settle(*, wrong: Mapping[Key, str], over: Iterable[Key], places: Sequence[str], now: datetime) -> None:
    """Open what is wrong and not open yet, close what is over; each is told to every place."""
    for (kind, about), text in wrong.items():
        notice, opened = Notice.objects.get_or_create(
            kind=kind, about=about[:140], closed_at=None, defaults={"text": text[:500], "opened_at": now}
        )
        if opened:
            _tell(notice, "opened", places, now)
        elif notice.text != text[:500]:
            Notice.objects.filter(pk=notice.pk).update(text=text[:500])
    for kind, about in over:
        for notice in Notice.objects.select_for_update().filter(kind=kind, about=about, closed_at__isnull=True):
            notice.closed_at = now
            notice.save(update_fields=["closed_at"])
            _tell(notice, "closed", places, now)


@transaction.atomic
def delivered(*, delivery: Delivery, problem: str, now: datetime) -> None:
    """It was sent, or why not: then it is tried again, later each time, and given up at last."""
    delivery.tries += 1
    delivery.problem = problem[:300]
    if not problem:
        delivery.sent_at, delivery.next_at = now, None
    elif delivery.tries >= GIVE_UP:
        delivery.next_at = None
    else:
        delivery.next_at = now + timedelta(seconds=AGAIN[min(delivery.tries, len(AGAIN)) - 1])
    delivery.save(update_fields=["tries", "problem", "sent_at", "next_at"])


def _tell(notice: Notice, event: str, places: Sequence[str], now: datetime) -> None:
    Delivery.objects.bulk_create(Delivery(notice=notice, event=event, place=place, next_at=now) for place in places)
