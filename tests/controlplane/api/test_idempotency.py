"""A write that arrives twice is done once."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from controlplane.api.models import IdempotencyKey
from controlplane.incidents import services
from controlplane.incidents.models import KillSwitch
from controlplane.policy.models import Change
from tests.controlplane.actors import ADA
from tests.controlplane.api.asking import asker, done, problem

RAISE = {"target": "all", "reason": "x"}
UP = "/kill-switches/raise"


@pytest.mark.django_db
def test_the_same_key_and_body_give_the_same_answer_and_one_effect() -> None:
    who = asker()
    first = done(who.post(UP, RAISE, Idempotency_Key="one"), 201)
    services.lower_kill(target="all", reason="mended", actor=ADA)
    again = who.post(UP, dict(reversed(RAISE.items())), Idempotency_Key="one")
    assert done(again, 201) == first
    assert again.headers["Idempotent-Replayed"] == "true"
    assert not KillSwitch.objects.filter(lowered_at__isnull=True).exists()


@pytest.mark.django_db
def test_the_same_key_and_another_request_are_refused() -> None:
    who = asker()
    done(who.post(UP, RAISE, Idempotency_Key="one"), 201)
    assert problem(who.post(UP, {**RAISE, "reason": "y"}, Idempotency_Key="one"))["status"] == 422
    assert problem(who.post("/kill-switches/lower", RAISE, Idempotency_Key="one"))["status"] == 422
    assert problem(who.post("/quarantines", RAISE, Idempotency_Key="one"))["status"] == 422


@pytest.mark.django_db
def test_a_key_is_its_callers_own() -> None:
    done(asker(name="a").post(UP, RAISE, Idempotency_Key="one"), 201)
    done(asker(name="b").post(UP, RAISE, Idempotency_Key="one"))


@pytest.mark.django_db
def test_a_refused_write_leaves_the_key_free() -> None:
    who = asker()
    assert problem(who.post(UP, {"target": "nothing", "reason": "x"}, Idempotency_Key="one"))["status"] == 422
    assert not IdempotencyKey.objects.exists()
    done(who.post(UP, RAISE, Idempotency_Key="one"), 201)


@pytest.mark.django_db
def test_a_write_that_breaks_off_leaves_neither_effect_nor_key(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(services, "record_admin_receipt", broken)
    assert problem(asker().post(UP, RAISE, Idempotency_Key="one"))["status"] == 500
    assert not IdempotencyKey.objects.exists()
    assert not KillSwitch.objects.exists()


@pytest.mark.django_db
def test_after_a_day_a_key_is_forgotten() -> None:
    who = asker()
    done(who.post(UP, RAISE, Idempotency_Key="one"), 201)
    IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(hours=24, seconds=1))
    assert "Idempotent-Replayed" not in who.post(UP, RAISE, Idempotency_Key="one").headers
    assert IdempotencyKey.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "a" * 256, "é", "a\tb", "a b"])
def test_a_key_that_is_none_is_400(key: str) -> None:
    assert problem(asker().post(UP, RAISE, Idempotency_Key=key))["status"] == 400


@pytest.mark.django_db(transaction=True)
def test_duplicates_at_the_same_time_have_one_effect_and_one_answer() -> None:
    who = asker()
    answers: list[Any] = []
    together = threading.Barrier(4)

    def send() -> None:
        together.wait()
        try:
            answers.append(who.post(UP, RAISE, Idempotency_Key="one"))
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [201] * 4, [answer.content for answer in answers]
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotent-Replayed" in answer.headers for answer in answers) == 3
    assert Change.objects.count() == 1
