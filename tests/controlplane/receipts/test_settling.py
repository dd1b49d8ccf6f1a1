import threading
from collections.abc import Callable

import pytest

from controlplane.common.errors import StackUnreachable
from controlplane.receipts import settling
from controlplane.receipts.settling import settle
from enforcer.contract import redis_names
from enforcer.contract.documents import SCHEMA, signed
from enforcer.contract.envelope import PayloadType
from enforcer.contract.fleet import Heartbeat
from tests.controlplane.receipts.sending import NOW, Sender
from tests.controlplane.valkeys import Valkey

pytestmark = pytest.mark.django_db


@pytest.fixture
def beat(valkey: Valkey) -> Callable[[int, int], None]:
    """Have the gate say how many receipts its journal still holds."""
    gate = Sender("gate").enrol()

    def say(counter: int, depth: int) -> None:
        heartbeat = Heartbeat(
            schema=SCHEMA,
            generation=1,
            issued_at=NOW,
            enforcer_id="gate",
            boot_nonce="n",
            counter=counter,
            servers={},
            journal_depth=depth,
        )
        valkey.client.set(redis_names.heartbeat("gate"), signed(heartbeat, PayloadType.HEARTBEAT, gate.key))

    return say


def test_without_enforcers_there_is_nothing_to_wait_for(valkey: Valkey) -> None:
    assert settle(0)


def test_what_an_enforcer_said_before_does_not_count(beat: Callable[[int, int], None]) -> None:
    beat(1, 0)
    assert not settle(0.2)


def test_it_waits_until_the_journal_has_nothing_left(beat: Callable[[int, int], None]) -> None:
    beat(1, 0)
    later = [threading.Timer(0.2 * n, beat, (n + 1, 3 - n)) for n in (1, 2, 3)]
    for timer in later:
        timer.start()
    assert settle(10)
    for timer in later:
        timer.join(0)
        assert not timer.is_alive()


def test_an_enforcer_that_fell_silent_is_not_waited_for(
    beat: Callable[[int, int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "SILENT_S", 0.2)
    beat(1, 5)
    assert settle(10)


def test_without_redis_it_says_so(valkey: Valkey) -> None:
    Sender("gate").enrol()
    valkey.stop()
    with pytest.raises(StackUnreachable):
        settle(1)
    valkey.start()
