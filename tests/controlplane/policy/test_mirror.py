"""Compare-and-set against a real Valkey."""

import threading

import pytest

from controlplane.policy.publisher.mirror import Entry, Mirror, Order, digest
from tests.controlplane.valkeys import Valkey

KEY = "drawbridge:incident:files"


def judge(raw: bytes) -> Order | None:
    """A genuine value is written `genuine GENERATION NUMBER`."""
    words = raw.split()
    return (int(words[1]), int(words[2])) if len(words) == 3 and words[0] == b"genuine" else None


def entry(number: int, generation: int = 1) -> Entry:
    return Entry(
        KEY, (generation, number), f"genuine {generation} {number}", judge, "drawbridge:changed:files", "incident"
    )


def test_a_newer_value_replaces_an_older_one_and_hints(valkey: Valkey) -> None:
    mirror = Mirror(valkey.url)
    hints = valkey.client.pubsub(ignore_subscribe_messages=True)
    hints.subscribe("drawbridge:changed:files")
    hints.get_message(timeout=1)
    assert mirror.put(entry(1))
    assert mirror.put(entry(2))
    assert valkey.client.get(KEY) == b"genuine 1 2"
    told = [hints.get_message(timeout=1), hints.get_message(timeout=1)]
    assert [message and message["data"] for message in told] == [b"incident", b"incident"]
    hints.close()


def test_an_older_value_never_replaces_a_newer_one(valkey: Valkey) -> None:
    assert Mirror(valkey.url).put(entry(7))
    assert not Mirror(valkey.url).put(entry(6))
    assert not Mirror(valkey.url).put(entry(99, generation=0))
    assert valkey.client.get(KEY) == b"genuine 1 7"


def test_who_wrote_the_newer_one_itself_writes_no_older_one_over_it(valkey: Valkey) -> None:
    """As a publisher whose database is restored from backup while it runs."""
    mirror = Mirror(valkey.url)
    assert mirror.put(entry(7))
    assert not mirror.put(entry(6))
    assert valkey.client.get(KEY) == b"genuine 1 7"
    valkey.client.flushall()
    assert mirror.put(entry(6))


def test_another_one_of_the_same_number_stays(valkey: Valkey) -> None:
    valkey.client.set(KEY, b"genuine  1 7")
    assert not Mirror(valkey.url).put(entry(7))
    assert valkey.client.get(KEY) == b"genuine  1 7"


def test_a_higher_generation_beats_a_higher_number(valkey: Valkey) -> None:
    assert Mirror(valkey.url).put(entry(99))
    assert Mirror(valkey.url).put(entry(1, generation=2))


@pytest.mark.parametrize("junk", [b"", b"nonsense", b"genuine 1 999 forged"])
def test_what_is_not_genuine_is_replaced(valkey: Valkey, junk: bytes) -> None:
    mirror = Mirror(valkey.url)
    assert mirror.put(entry(1))
    valkey.client.set(KEY, junk)
    assert mirror.put(entry(2))
    assert valkey.client.get(KEY) == b"genuine 1 2"


def test_a_key_of_another_type_or_beyond_every_size_is_replaced(valkey: Valkey) -> None:
    mirror = Mirror(valkey.url)
    valkey.client.lpush(KEY, "a list")
    assert mirror.put(entry(1))
    valkey.client.set(KEY, b"x" * (9 * 1024 * 1024))
    assert mirror.differing({KEY: digest("genuine 1 1")}) == {KEY: False}
    assert mirror.put(entry(2))
    assert valkey.client.get(KEY) == b"genuine 1 2"


def test_a_flush_is_repaired_with_the_same_value(valkey: Valkey) -> None:
    mirror = Mirror(valkey.url)
    assert mirror.put(entry(3))
    valkey.client.flushall()
    assert mirror.differing({KEY: digest("genuine 1 3")}) == {KEY: True}
    assert mirror.put(entry(3))
    assert mirror.differing({KEY: digest("genuine 1 3")}) == {}


def test_of_two_that_race_the_highest_number_stays(valkey: Valkey) -> None:
    start = threading.Barrier(2)

    def write(numbers: range) -> None:
        mirror = Mirror(valkey.url)
        start.wait()
        for number in numbers:
            mirror.put(entry(number))

    racing = [threading.Thread(target=write, args=(range(first, 601, 2),)) for first in (1, 2)]
    for thread in racing:
        thread.start()
    seen: list[int] = []
    while any(thread.is_alive() for thread in racing):
        value = valkey.client.get(KEY)
        if isinstance(value, bytes):
            seen.append(int(value.split()[2]))
    assert seen == sorted(seen)
    assert valkey.client.get(KEY) == b"genuine 1 600"
