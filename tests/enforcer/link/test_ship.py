import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from enforcer.contract.keys import SigningKey
from enforcer.contract.receipt import Link
from enforcer.journal import Journal
from enforcer.journal.store import Store
from enforcer.link import outstanding, ship
from enforcer.link.celery_out import CelerySender
from enforcer.link.ship import Shipper
from tests.enforcer.journal.receipts import a_draft
from tests.enforcer.link.broker import ACK, ENFORCER, PASSWORD, QUEUE, Broker, an_ack
from tests.support.processes import wait_for


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    made = Broker(tmp_path)
    made.start()
    yield made
    made.stop()


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    made = Journal.open(tmp_path, enforcer_id="probe")
    yield made
    await asyncio.to_thread(made.close)


@pytest.fixture
async def shipper(journal: Journal, broker: Broker, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shipper]:
    monkeypatch.setattr(outstanding, "RESEND_S", 60.0)  # a slow machine is no silent control plane
    made = a_shipper(journal, broker)
    made.start()
    yield made
    await asyncio.to_thread(made.close)


def a_shipper(journal: Journal, broker: Broker) -> Shipper:
    return Shipper(
        journal,
        enforcer_id="probe",
        key=ENFORCER,
        make_sender=lambda: CelerySender(broker.url, PASSWORD, QUEUE),
        ack_keys=lambda: {ACK.public.keyid: ACK.public},
    )


async def until(condition: Callable[[], object], what: str) -> None:
    await asyncio.to_thread(wait_for, condition, what, 20)


async def recorded(journal: Journal, count: int) -> list[str]:
    """Together, in order: they go out in few batches, however slow the machine is."""
    places = await asyncio.gather(*(journal.record(a_draft()) for _ in range(count)))
    return [place.receipt_id for place in places]


async def batches(broker: Broker, receipts: int) -> list[list[Link]]:
    """Take from the queue until so many receipts came."""
    made: list[list[Link]] = []

    def enough() -> bool:
        made.extend(broker.take())
        return sum(map(len, made)) >= receipts

    await until(enough, f"{receipts} receipts")
    return made


async def test_receipts_arrive_signed_and_in_order_and_an_ack_empties_the_journal(
    journal: Journal, broker: Broker, shipper: Shipper
) -> None:
    names = await recorded(journal, 30)
    links = [link for batch in await batches(broker, 30) for link in batch]
    assert [link.receipt_id for link in links] == names
    assert journal.depth() == 30
    shipper.acknowledge(an_ack(links[-1]))
    await until(lambda: journal.depth() == 0, "the ack")
    assert shipper.problems() == ()
    assert broker.waiting() == 0


async def test_a_new_receipt_is_on_the_broker_within_a_moment(
    journal: Journal, broker: Broker, shipper: Shipper
) -> None:
    await recorded(journal, 1)
    await batches(broker, 1)
    times = []
    for _ in range(5):
        begun = time.monotonic()
        await recorded(journal, 1)
        await until(broker.take, "the receipt")
        times.append(time.monotonic() - begun)
    assert min(times) < 0.3


@pytest.mark.parametrize(
    "forge",
    [
        lambda head: an_ack(replace(head, sequence=10**9)),
        lambda head: an_ack(replace(head, receipt_hash="sha256:" + "0" * 64)),
        lambda head: an_ack(head, key=SigningKey(b"x" * 32)),
        lambda head: an_ack(head, key=ENFORCER),
        lambda head: an_ack(head, enforcer_id="other"),
        lambda head: an_ack(head)[:-1],
        lambda _: b"\xff",
    ],
    ids=["beyond the head", "another hash", "a stranger", "itself", "another enforcer", "cut short", "no JSON"],
)
async def test_an_ack_that_is_not_true_trims_nothing_and_is_reported(
    forge: Callable[[Link], bytes], journal: Journal, broker: Broker, shipper: Shipper
) -> None:
    await recorded(journal, 3)
    head = (await batches(broker, 3))[-1][-1]
    shipper.acknowledge(forge(head))
    await until(shipper.problems, "a problem")
    assert journal.depth() == 3
    shipper.acknowledge(an_ack(head))
    await until(lambda: journal.depth() == 0, "the true ack")
    await until(lambda: shipper.problems() == (), "the end of the problem")


async def test_only_so_many_batches_are_out_and_each_ack_makes_room(
    journal: Journal, broker: Broker, shipper: Shipper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ship, "MOST_RECEIPTS", 2)
    monkeypatch.setattr(outstanding, "MOST_BATCHES", 8)
    await recorded(journal, 1)
    await batches(broker, 1)
    names = await asyncio.gather(*(journal.record(a_draft()) for _ in range(30)))
    await until(lambda: broker.waiting() == 7, "seven more batches")
    await recorded(journal, 3)
    first = await batches(broker, 14)
    assert len(first) == 7
    shipper.acknowledge(an_ack(first[2][-1]))
    rest = await batches(broker, 8)
    assert [b[0].sequence for b in rest] == [first[-1][-1].sequence + 1 + 2 * n for n in range(len(rest))]
    assert len(names) == 30


async def test_what_is_not_acknowledged_is_sent_again_from_there(
    journal: Journal, broker: Broker, shipper: Shipper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outstanding, "RESEND_S", 0.3)
    await recorded(journal, 4)
    sent = [link for batch in await batches(broker, 4) for link in batch]
    shipper.acknowledge(an_ack(sent[1]))
    await until(lambda: journal.depth() == 2, "the ack")
    broker.admin.flushall()
    again = (await batches(broker, 2))[0]
    assert again == sent[2:]
    assert any("not acknowledged" in problem for problem in shipper.problems())


async def test_the_last_receipts_leave_before_the_shipper_ends(
    journal: Journal, broker: Broker, shipper: Shipper
) -> None:
    await recorded(journal, 3)
    await asyncio.to_thread(shipper.close)
    assert sum(map(len, broker.take())) == 3


async def test_what_an_earlier_process_left_is_shipped_first(
    tmp_path: Path, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = Journal.open(tmp_path, enforcer_id="probe")
    await recorded(old, 3)
    await old.intend(a_draft("open"))
    old.close()
    journal = Journal.open(tmp_path, enforcer_id="probe")
    await recorded(journal, 2)
    shipper = a_shipper(journal, broker)
    shipper.start()
    first, second = await batches(broker, 6)
    assert [link.sequence for link in first] == [1, 2, 3]
    assert [link.sequence for link in second] == [1, 2, 3]
    assert second[0].receipt_id == "open"
    assert second[0].parent_hash == first[-1].receipt_hash
    shipper.acknowledge(an_ack(first[-1], second[-1]))
    await until(lambda: journal.depth() == 0, "the ack")
    await asyncio.to_thread(shipper.close)
    await asyncio.to_thread(journal.close)


async def test_a_batch_is_cut_at_its_bytes_and_a_large_receipt_goes_alone(
    journal: Journal, broker: Broker, shipper: Shipper
) -> None:
    sizes = [100_000, 60_000, 90_000, 5_000, 120_000, 120_000]
    await asyncio.gather(*(journal.record(a_draft(note="é" * (size // 2))) for size in sizes))
    made = await batches(broker, len(sizes))
    assert [link.sequence for batch in made for link in batch] == [1, 2, 3, 4, 5, 6]
    assert max(map(len, made)) < len(sizes)


async def test_receipts_wait_while_the_broker_is_down_and_go_out_when_it_is_back(
    journal: Journal, broker: Broker, shipper: Shipper
) -> None:
    await recorded(journal, 1)
    await batches(broker, 1)
    broker.stop()
    names = await recorded(journal, 5)
    await until(shipper.problems, "a problem")
    assert "receipts broker" in shipper.problems()[0]
    assert PASSWORD not in shipper.problems()[0]
    broker.start()
    links = [link for batch in await batches(broker, 5) for link in batch]
    assert [link.receipt_id for link in links][-5:] == names
    await until(lambda: not shipper.problems(), "no problem")


async def test_a_frozen_broker_holds_up_neither_receipts_nor_the_end(
    journal: Journal, broker: Broker, shipper: Shipper
) -> None:
    await recorded(journal, 1)
    await batches(broker, 1)
    broker.freeze()
    try:
        begun = time.monotonic()
        await recorded(journal, 5)
        assert time.monotonic() - begun < 2
        await until(shipper.problems, "a problem")
        begun = time.monotonic()
        await asyncio.to_thread(shipper.close)
        assert time.monotonic() - begun < 4
        assert not shipper._thread.is_alive()
    finally:
        broker.thaw()


async def test_how_long_receipts_wait_for_an_acknowledgement_is_known_and_what_the_broker_says(
    journal: Journal, broker: Broker, shipper: Shipper
) -> None:
    await recorded(journal, 1)
    head = (await batches(broker, 1))[-1][-1]
    await until(lambda: shipper.unacked_s() > 1.5, "the wait")  # longer than an idle turn
    shipper.acknowledge(an_ack(head))
    await until(lambda: shipper.unacked_s() < 1, "the ack")
    assert shipper.broker_problem() == ""
    broker.stop()
    await recorded(journal, 1)
    await until(lambda: "the receipts broker" in shipper.broker_problem(), "the broker's trouble")
    broker.start()
    await until(lambda: not shipper.broker_problem(), "the broker's return")


async def acked(journal: Journal, broker: Broker, shipper: Shipper, count: int) -> list[Link]:
    """So many receipts, stored and acknowledged."""
    await recorded(journal, count)
    links = [link for batch in await batches(broker, count) for link in batch]
    shipper.acknowledge(an_ack(links[-1]))
    await until(lambda: journal.depth() == 0, "the ack")
    return links


async def test_after_a_restore_what_the_database_lost_is_sent_again(
    journal: Journal, broker: Broker, shipper: Shipper
) -> None:
    links = await acked(journal, broker, shipper, 30)
    shipper.acknowledge(an_ack(links[9], generation=2))
    again = [link.sequence for batch in await batches(broker, 20) for link in batch]
    assert again == list(range(11, 31))
    shipper.acknowledge(an_ack(links[-1], generation=2))
    await until(lambda: journal.depth() == 0, "the ack of what was sent again")


async def test_of_a_chain_that_the_restored_database_does_not_know_everything_is_sent_again(
    journal: Journal, broker: Broker, shipper: Shipper
) -> None:
    await acked(journal, broker, shipper, 30)
    shipper.acknowledge(an_ack(generation=2))
    assert sum(map(len, await batches(broker, 30))) == 30


async def test_an_ack_from_before_the_restore_says_nothing_any_more(
    journal: Journal, broker: Broker, shipper: Shipper
) -> None:
    links = await acked(journal, broker, shipper, 5)
    shipper.acknowledge(an_ack(generation=2))
    await batches(broker, 5)
    shipper.acknowledge(an_ack(links[-1]))
    await until(shipper.problems, "a problem")
    assert "generation 1, and 2 has begun" in shipper.problems()[0]
    assert journal.depth() == 5


async def test_a_generation_is_begun_once_and_not_at_every_start(tmp_path: Path, broker: Broker) -> None:
    first = Journal.open(tmp_path, enforcer_id="probe")
    shipper = a_shipper(first, broker)
    shipper.start()
    links = await acked(first, broker, shipper, 5)
    shipper.acknowledge(an_ack(links[-1], generation=2))
    await until(lambda: first.ask(Store.generation) == 2, "the generation")
    await asyncio.to_thread(shipper.close)
    await asyncio.to_thread(first.close)
    second = Journal.open(tmp_path, enforcer_id="probe")
    shipper = a_shipper(second, broker)
    shipper.start()
    shipper.acknowledge(an_ack(links[-1], generation=2))
    await recorded(second, 1)
    assert sum(map(len, await batches(broker, 1))) == 1
    assert broker.waiting() == 0
    await asyncio.to_thread(shipper.close)
    await asyncio.to_thread(second.close)


async def test_what_was_trimmed_is_not_waited_for(journal: Journal, broker: Broker, shipper: Shipper) -> None:
    await acked(journal, broker, shipper, 10)
    await asyncio.to_thread(journal.ask, lambda store: store.trim("9999", 4), writes=True)
    shipper.acknowledge(an_ack(generation=2))
    assert [link.sequence for batch in await batches(broker, 6) for link in batch] == [5, 6, 7, 8, 9, 10]
    await until(lambda: journal.depth() == 6, "the rest to wait")
