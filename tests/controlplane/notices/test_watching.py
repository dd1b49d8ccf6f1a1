"""What is opened, closed, sent and sent again: with a look, a clock and places that the test moves."""

from datetime import timedelta
from types import SimpleNamespace
from typing import ClassVar

import pytest
from django.db import OperationalError
from django.utils import timezone

from controlplane.notices import watching
from controlplane.notices.conditions import Key, Look
from controlplane.notices.kinds import KINDS
from controlplane.notices.messages import Message
from controlplane.notices.models import Delivery, Notice
from controlplane.notices.sending import Channels, NotSent
from controlplane.notices.services import GIVE_UP
from controlplane.notices.watching import OVER_S, Watcher
from tests.controlplane.people import HOSTILE, assert_inert, client_of

pytestmark = pytest.mark.django_db
SILENT: Key = ("enforcer_silent", "edge-1")
STOPPED: Key = ("publisher_stopped", "")


class Post(Channels):
    """Keeps what it is given, or refuses it."""

    __slots__ = ()
    sent: ClassVar[list[tuple[str, Message]]] = []
    problem = ""

    def send(self, place: str, message: Message) -> None:
        if Post.problem:
            raise NotSent(Post.problem)
        Post.sent.append((place, message))


class Bench:
    def __init__(self) -> None:
        self.found: dict[Key, str] = {}
        self.unknown: frozenset[str] = frozenset()
        self.away = False
        self.now = 0.0
        Post.sent, Post.problem = [], ""
        self.watcher = Watcher(Post(emails=("ops@example.com",)), self.look, lambda: self.now)

    def look(self) -> Look:
        if self.away:
            raise OperationalError("gone")
        return Look(dict(self.found), self.unknown)

    def pass_s(self, seconds: float) -> None:
        """A look at the end of it."""
        self.now += seconds
        self.watcher.step()

    def said(self) -> list[tuple[str, str]]:
        return [(message.event, message.kind) for _, message in Post.sent]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_what_stays_wrong_is_told_once_and_told_when_it_is_over(bench: Bench) -> None:
    bench.found = {SILENT: "edge-1 is silent"}
    bench.pass_s(0)
    bench.pass_s(KINDS[SILENT[0]].holds_s - 1)
    assert not Notice.objects.exists()
    bench.pass_s(2)
    bench.pass_s(60)
    notice = Notice.objects.get()
    assert (notice.kind, notice.about, notice.closed_at) == ("enforcer_silent", "edge-1", None)
    assert bench.said() == [("opened", "enforcer_silent")]
    bench.found = {}
    bench.pass_s(0)
    bench.pass_s(OVER_S - 1)
    assert Notice.objects.get().closed_at is None
    bench.pass_s(2)
    assert Notice.objects.get().closed_at is not None
    assert bench.said() == [("opened", "enforcer_silent"), ("closed", "enforcer_silent")]


def test_what_comes_and_goes_within_a_moment_is_told_nobody(bench: Bench) -> None:
    for _ in range(5):
        bench.found = {SILENT: "edge-1 is silent"}
        bench.pass_s(10)
        bench.found = {}
        bench.pass_s(10)
    assert not Notice.objects.exists()


def test_what_is_wrong_again_for_a_moment_stays_open(bench: Bench) -> None:
    bench.found = {STOPPED: "x"}
    bench.pass_s(0)
    bench.pass_s(20)
    bench.found = {}
    bench.pass_s(OVER_S - 5)
    bench.found = {STOPPED: "x"}
    bench.pass_s(5)
    bench.found = {}
    bench.pass_s(OVER_S - 5)
    assert Notice.objects.get().closed_at is None
    assert len(Post.sent) == 1


def test_what_nobody_can_judge_stays_as_it_was(bench: Bench) -> None:
    bench.found = {SILENT: "x"}
    bench.pass_s(0)
    bench.pass_s(60)
    bench.found, bench.unknown = {}, frozenset({"enforcer_silent"})
    bench.pass_s(0)
    bench.pass_s(600)
    assert Notice.objects.get(kind="enforcer_silent").closed_at is None


def test_a_watcher_that_starts_anew_tells_nothing_twice(bench: Bench) -> None:
    bench.found = {STOPPED: "x"}
    bench.pass_s(0)
    bench.pass_s(60)
    again = Watcher(Post(emails=("ops@example.com",)), bench.look, lambda: bench.now)
    again.step()
    bench.now += 60
    again.step()
    assert (Notice.objects.count(), len(Post.sent)) == (1, 1)


def test_what_could_not_be_sent_is_sent_later_and_given_up_at_last(bench: Bench) -> None:
    Post.problem = "mail server: ConnectionRefusedError"
    bench.found = {STOPPED: "x"}
    bench.pass_s(0)
    bench.pass_s(60)
    delivery = Delivery.objects.get()
    assert (delivery.tries, delivery.sent_at, delivery.problem) == (1, None, Post.problem)
    assert delivery.next_at is not None
    assert delivery.next_at > timezone.now()
    Delivery.objects.update(next_at=timezone.now() - timedelta(seconds=1))
    Post.problem = ""
    bench.pass_s(1)
    delivery.refresh_from_db()
    assert (delivery.tries, delivery.next_at) == (2, None)
    assert delivery.sent_at is not None
    Delivery.objects.update(sent_at=None, next_at=timezone.now(), tries=GIVE_UP - 1)
    Post.problem = "again"
    bench.pass_s(1)
    delivery.refresh_from_db()
    assert (delivery.next_at, delivery.sent_at) == (None, None)


def test_a_database_that_is_away_is_told_without_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "connection", SimpleNamespace(close=lambda: None))  # the test's own is still wanted
    bench.away = True
    bench.pass_s(0)
    bench.pass_s(KINDS["database_away"].holds_s + 1)
    bench.pass_s(60)
    assert bench.said() == [("opened", "database_away")]
    bench.away = False
    bench.pass_s(1)
    assert bench.said() == [("opened", "database_away"), ("closed", "database_away")]
    assert Post.sent[0][1].id == Post.sent[1][1].id


def test_pages_show_what_is_wrong_and_who_was_told(bench: Bench) -> None:
    bench.found = {SILENT: "edge-1 was last heard of at 07:59"}
    bench.pass_s(0)
    bench.pass_s(60)
    client = client_of("viewer")
    assert "edge-1 was last heard of at 07:59" in client.get("/").content.decode()
    notice = Notice.objects.get()
    page = client.get(f"/admin/notices/notice/{notice.pk}/change/").content.decode()
    assert "An enforcer is silent" in page
    assert "ops@example.com" in page
    assert "edge-1" in client.get("/admin/notices/notice/?state=open").content.decode()


def test_hostile_text_is_inert_on_the_page() -> None:
    notice = Notice.objects.create(kind="enforcer_silent", about="x", text=HOSTILE, opened_at=timezone.now())
    assert_inert(client_of("viewer").get(f"/admin/notices/notice/{notice.pk}/change/").content.decode())


def test_of_a_webhook_only_its_host_is_shown() -> None:
    notice = Notice.objects.create(kind="redis_away", text="x", opened_at=timezone.now())
    delivery = Delivery.objects.create(notice=notice, event="opened", place="https://user@hooks.example/s3cret?x=1")
    assert delivery.shown_place == "hooks.example"
    page = client_of("viewer").get(f"/admin/notices/notice/{notice.pk}/change/").content.decode()
    assert "s3cret" not in page


def test_the_reason_of_every_kind_is_a_sentence() -> None:
    assert all(kind.remedy.endswith(".") and kind.title for kind in KINDS.values())
    assert watching.EVERY_S <= OVER_S
