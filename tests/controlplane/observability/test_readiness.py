"""Ready is what is there and works, tried from here; anybody hears the word, the token's holder everything."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from controlplane.observability import readiness
from controlplane.observability.services import INGEST, beat
from controlplane.policy import waiting
from controlplane.policy.services import policy_changed
from tests.controlplane.actors import ADA
from tests.controlplane.factories import ServerFactory
from tests.controlplane.running import RunningPublisher
from tests.controlplane.valkeys import Valkey
from tests.support.processes import wait_for

pytestmark = pytest.mark.django_db(transaction=True)
Ask = Callable[[], tuple[int, dict[str, Any]]]


@pytest.fixture
def ask(client: Client, token: str, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Status and report, looked at anew each time."""
    monkeypatch.setattr(readiness, "KEPT_S", 0.0)

    def read() -> tuple[int, dict[str, Any]]:
        answer = client.get("/readyz", headers={"Authorization": f"Bearer {token}"})
        return answer.status_code, json.loads(answer.content)

    return read


@pytest.fixture
def whole(valkey: Valkey, broker: Valkey) -> None:
    """Everything there, no server declared yet."""
    beat(part=INGEST, at=timezone.now())


def problems(report: dict[str, Any]) -> dict[str, str]:
    return {name: part["problem"] for name, part in report["parts"].items() if part["problem"]}


def test_a_whole_system_is_ready_before_and_after_its_first_server(whole: None, ask: Ask) -> None:
    status, report = ask()
    assert (status, report["ready"], problems(report)) == (200, True, {})
    assert report["parts"]["publisher"]["note"] == "no server yet: nothing to sign"
    ServerFactory(id="files")
    with RunningPublisher():
        assert waiting.wait_published(policy_changed(server_ids=["files"], actor=ADA, reason="a test"), 10)
        wait_for(lambda: ask()[1]["parts"]["publisher"]["seconds"] is not None, "a lease")
        wait_for(lambda: ask()[0] == 200, "readiness")


def test_a_publisher_that_stopped_is_seen_within_seconds(whole: None, ask: Ask) -> None:
    ServerFactory(id="files")
    with RunningPublisher():
        assert waiting.wait_published(policy_changed(server_ids=["files"], actor=ADA, reason="a test"), 10)
        wait_for(lambda: ask()[1]["parts"]["publisher"]["seconds"] is not None, "a lease")
    _, report = wait_for(lambda: found if (found := ask())[0] == 503 else None, "the end of readiness")
    assert problems(report) == {"publisher": "the newest lease is old"}
    assert report["parts"]["publisher"]["seconds"] >= readiness.LEASE_S  # told in thousandths: 3.0004 is 3.0


@pytest.mark.parametrize("part", ["policy_redis", "receipts_broker"])
def test_a_redis_that_hangs_or_is_gone_is_missing(
    whole: None, valkey: Valkey, broker: Valkey, ask: Ask, part: str
) -> None:
    instance = valkey if part == "policy_redis" else broker
    instance.freeze()
    status, report = ask()
    assert (status, problems(report)) == (503, {part: "TimeoutError"})
    instance.thaw()
    instance.stop()
    status, report = ask()
    assert (status, problems(report)) == (503, {part: "ConnectionError"})
    instance.start()
    assert ask()[0] == 200


def test_a_redis_that_this_process_may_not_reach_is_left_to_others(valkey: Valkey, ask: Ask) -> None:
    beat(part=INGEST, at=timezone.now())
    status, report = ask()
    assert (status, report["parts"]["receipts_broker"]["note"]) == (200, "not this process's to reach")


def test_an_ingest_worker_without_a_pulse_is_missing(valkey: Valkey, broker: Valkey, ask: Ask) -> None:
    assert problems(ask()[1]) == {"ingest": "it never beat"}
    beat(part=INGEST, at=timezone.now() - timedelta(seconds=11))
    status, report = ask()
    assert (status, problems(report)) == (503, {"ingest": "its pulse is old"})
    beat(part=INGEST, at=timezone.now())
    assert ask()[0] == 200


@contextmanager
def not_writable() -> Iterator[None]:
    """Another writer holds SQLite; PostgreSQL takes no writes in this session."""
    if connection.vendor == "sqlite":
        other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            other.close()
        return
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
        try:
            yield
        finally:
            cursor.execute("SET default_transaction_read_only = off")


def test_a_database_that_takes_no_writes_is_missing_and_soon_told_of(
    whole: None, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "BUSY_MS", 100)
    with not_writable():
        status, report = ask()
        assert status == 503
        assert set(problems(report)) >= {"database"}
        assert report["parts"]["database"]["seconds"] < 5
    assert ask()[0] == 200


def test_anybody_hears_a_word_and_no_more(whole: None, client: Client, token: str) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Token {token}"}):
        answer = client.get("/readyz", headers=headers)
        assert (answer.status_code, answer.content) == (200, b"ready\n")
        assert "no-store" in answer.headers["Cache-Control"]


def test_the_word_is_not_ready_where_a_part_is_missing(
    valkey: Valkey, broker: Valkey, client: Client, token: str
) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.content) == (503, b"not ready\n")


def test_nobody_can_make_it_look_more_than_once_a_second(
    whole: None, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    real = readiness.look

    def counted() -> readiness.Report:
        looks.append(1)
        return real()

    monkeypatch.setattr(readiness, "look", counted)
    monkeypatch.setattr(readiness, "KEPT_S", 60.0)
    for _ in range(10):
        client.get("/readyz")
    assert len(looks) == 1


def test_no_secret_of_a_url_is_told(valkey: Valkey, broker: Valkey, ask: Ask) -> None:
    valkey.stop()
    assert "secret" not in json.dumps(ask()[1])
    valkey.start()
