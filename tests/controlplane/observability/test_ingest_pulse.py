"""The pulse is that of the whole way of a receipt: broker, pool, database."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError

from controlplane.observability import ingest_pulse
from controlplane.observability.ingest_pulse import IngestPulse
from controlplane.observability.models import Pulse
from controlplane.observability.services import INGEST
from tests.controlplane.receipts.test_worker import Running
from tests.support.processes import wait_for


class Timer:
    """Calls when the test says so."""

    def call_repeatedly(self, _seconds: float, act: Callable[..., None], args: tuple[Any, ...]) -> "Timer":
        self.tick = lambda: act(*args)
        return self


class Pool:
    """Runs what it is given when the test says so."""

    def __init__(self) -> None:
        self.given: list[Callable[[], None]] = []

    def apply_async(self, act: Callable[[], None], **_: object) -> None:
        self.given.append(act)

    def run(self) -> None:
        self.given.pop(0)()


class Consumer:
    def __init__(self) -> None:
        self.timer, self.pool = Timer(), Pool()


@pytest.fixture
def consumer() -> Consumer:
    made = Consumer()
    IngestPulse(made).start(made)
    return made


def beats() -> int:
    return Pulse.objects.filter(part=INGEST).count()


@pytest.mark.django_db(transaction=True)
def test_it_beats_once_the_pool_has_time_for_it(consumer: Consumer) -> None:
    assert (beats(), len(consumer.pool.given)) == (0, 1)
    consumer.pool.run()
    assert beats() == 1
    first = Pulse.objects.get(part=INGEST).at
    consumer.timer.tick()
    consumer.pool.run()
    assert Pulse.objects.get(part=INGEST).at > first


@pytest.mark.django_db(transaction=True)
def test_a_pool_that_hangs_has_no_pulse_and_is_given_no_more_to_do(consumer: Consumer) -> None:
    for _ in range(5):
        consumer.timer.tick()
    assert (beats(), len(consumer.pool.given)) == (0, 1)


@pytest.mark.django_db(transaction=True)
def test_it_goes_on_after_the_database_was_away(consumer: Consumer, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(**_: object) -> None:
        raise OperationalError("the database is locked")

    with monkeypatch.context() as broken:
        broken.setattr(ingest_pulse, "beat", away)
        consumer.pool.run()
    assert beats() == 0
    consumer.timer.tick()
    consumer.pool.run()
    assert beats() == 1


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    made = Running(tmp_path)
    try:
        wait_for(made.answers, "the broker")
        yield made
    finally:
        os.kill(made.worker.process.pid, signal.SIGCONT)
        made.stop()


@pytest.mark.system
@pytest.mark.django_db(transaction=True)
def test_the_real_worker_beats_and_one_that_is_stopped_does_not(running: Running) -> None:
    first = wait_for(lambda: Pulse.objects.filter(part=INGEST).first(), "the first pulse").at
    second = wait_for(lambda: Pulse.objects.filter(part=INGEST, at__gt=first).first(), "the second pulse").at
    os.kill(running.worker.process.pid, signal.SIGSTOP)
    last = Pulse.objects.get(part=INGEST).at
    assert last >= second
    os.kill(running.worker.process.pid, signal.SIGCONT)
    wait_for(lambda: Pulse.objects.filter(part=INGEST, at__gt=last).exists(), "the pulse goes on")
