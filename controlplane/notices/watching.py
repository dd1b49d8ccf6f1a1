"""The watcher's loop: looks every few seconds, opens what stays wrong, closes what is over, sends what is due."""

import logging
import threading
import time
import uuid
from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from controlplane.notices.conditions import Key, Look, look
from controlplane.notices.daily import Daily
from controlplane.notices.kinds import KINDS
from controlplane.notices.messages import Message
from controlplane.notices.models import Delivery, Notice, shown_place
from controlplane.notices.sending import Channels, NotSent
from controlplane.notices.services import delivered, settle
from controlplane.observability.services import beat

log = logging.getLogger(__name__)
PULSE = "watch"
EVERY_S = 2.0
OVER_S = 10.0
AT_ONCE = 50
DATABASE: Key = ("database_away", "")


class Watcher:
    """One process runs one. Two beside each other open each notice once, and may send it twice."""

    def __init__(
        self,
        channels: Channels,
        looking: Callable[[], Look] = look,
        clock: Callable[[], float] = time.monotonic,
        daily: Daily | None = None,
    ) -> None:
        self._channels, self._look, self._clock = channels, looking, clock
        self._daily = daily or Daily()
        self._since: dict[Key, float] = {}  # when it was first seen, of what is still so
        self._gone: dict[Key, float] = {}  # since when it is not so any more
        self._away: Message | None = None

    def run(self, stopping: threading.Event) -> None:
        """Until told to stop."""
        while not stopping.is_set():
            self.step()
            stopping.wait(EVERY_S)
        self._daily.close()
        connection.close()

    def step(self) -> None:
        """One look. Without the database there are no rows: that alone is told past them."""
        try:
            seen = self._look()
            self._settle(seen)
            self._send_due()
            self._daily.step()
            beat(part=PULSE, at=timezone.now())
        except DatabaseError:
            connection.close()
            self._tell_of_database(away=True)
        else:
            self._tell_of_database(away=False)

    def _settle(self, seen: Look) -> None:
        now = self._clock()
        self._since = {key: self._since.get(key, now) for key in seen.found}
        wrong = {key: text for key, text in seen.found.items() if now - self._since[key] >= KINDS[key[0]].holds_s}
        still = {*seen.found}
        known = {(n.kind, n.about) for n in Notice.objects.filter(closed_at__isnull=True)}
        quiet = {key for key in known - still if key[0] not in seen.unknown}
        self._gone = {key: self._gone.get(key, now) for key in quiet}
        over = [key for key, since in self._gone.items() if now - since >= OVER_S]
        if wrong or over:
            settle(wrong=wrong, over=over, places=self._channels.places, now=timezone.now())

    def _send_due(self) -> None:
        due = Delivery.objects.filter(next_at__lte=timezone.now()).select_related("notice").order_by("next_at", "id")
        for delivery in list(due[:AT_ONCE]):
            problem = self._send(delivery.place, _message(delivery))
            delivered(delivery=delivery, problem=problem, now=timezone.now())

    def _send(self, place: str, message: Message) -> str:
        try:
            self._channels.send(place, message)
        except NotSent as problem:
            log.warning("a notice could not be sent to %s: %s", shown_place(place), problem)
            return str(problem)
        log.info("sent to %s: %s", shown_place(place), message.subject)
        return ""

    def _tell_of_database(self, *, away: bool) -> None:
        """Best effort: what can't be sent now is in the log, and nowhere else."""
        if not away:
            self._since.pop(DATABASE, None)
            if self._away is not None:
                self._to_everybody(closed_message(self._away, timezone.now()))
                self._away = None
            return
        since = self._since.setdefault(DATABASE, self._clock())
        if self._away is None and self._clock() - since >= KINDS[DATABASE[0]].holds_s:
            self._away = new_message(DATABASE[0], "", KINDS[DATABASE[0]].title, "opened", timezone.now())
            self._to_everybody(self._away)

    def _to_everybody(self, message: Message) -> None:
        for place in self._channels.places:
            self._send(place, message)


def new_message(kind: str, about: str, text: str, event: str, at: datetime) -> Message:
    """Of no row."""
    return Message(uuid.uuid4().hex, event, kind, about, text, at, None, settings.PUBLIC_URL + "/")


def closed_message(opened: Message, at: datetime) -> Message:
    """The same, over."""
    return Message(opened.id, "closed", opened.kind, opened.about, opened.text, opened.opened_at, at, opened.url)


def _message(delivery: Delivery) -> Message:
    notice = delivery.notice
    url = settings.PUBLIC_URL + reverse("admin:notices_notice_change", args=[notice.pk])
    closed_at = notice.closed_at if delivery.event == "closed" else None
    id_ = f"notice-{notice.pk}-{int(notice.opened_at.timestamp())}"
    return Message(id_, delivery.event, notice.kind, notice.about, notice.text, notice.opened_at, closed_at, url)
