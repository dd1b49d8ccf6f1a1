"""Every way in which an ack can be wrong, against an enforcer that is fresh, running, or restarted.

What must hold: nothing counts as stored and nothing is trimmed; a true ack that comes later counts.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from enforcer.contract.documents import signed
from enforcer.contract.envelope import PayloadType, seal
from enforcer.contract.keys import SigningKey
from enforcer.contract.receipt import Link, open_line
from enforcer.journal import Journal
from enforcer.journal.store import Store
from enforcer.link.ship import Shipper
from tests.enforcer.journal.receipts import a_draft
from tests.enforcer.link.broker import ACK, ENFORCER, an_ack, the_ack
from tests.support.processes import wait_for

STRANGER = SigningKey(b"x" * 32)


def altered(envelope: bytes, **outer: object) -> bytes:
    return json.dumps(json.loads(envelope) | outer).encode()


def with_field(head: Link) -> bytes:
    payload = json.loads(msgspec.json.encode(the_ack(head))) | {"surprise": True}
    return seal(PayloadType.ACK, json.dumps(payload).encode(), (ACK,))


def of_unknown_schema(head: Link) -> bytes:
    return signed(msgspec.structs.replace(the_ack(head), schema=2), PayloadType.ACK, ACK)


def under_a_trusted_key_id(head: Link) -> bytes:
    outer = json.loads(an_ack(head, key=STRANGER))
    outer["signatures"][0]["keyid"] = ACK.public.keyid
    return json.dumps(outer).encode()


FORGED: dict[str, Callable[[Link], bytes]] = {
    "unsigned": lambda head: altered(an_ack(head), signatures=[]),
    "by a stranger": lambda head: an_ack(head, key=STRANGER),
    "by a stranger under a trusted key id": under_a_trusted_key_id,
    "by the enforcer itself": lambda head: an_ack(head, key=ENFORCER),
    "of another enforcer": lambda head: an_ack(head, enforcer_id="other"),
    "beyond the head": lambda head: an_ack(replace(head, sequence=10**9)),
    "with another hash": lambda head: an_ack(replace(head, receipt_hash="sha256:" + "0" * 64)),
    "of an unknown schema": of_unknown_schema,
    "with an unknown field": with_field,
    "of another payload type": lambda head: signed(the_ack(head), PayloadType.BATCH, ACK),
    "cut short": lambda head: an_ack(head)[:-30],
    "no JSON": lambda _head: b"\xff",
}


class Recorder:
    """A shipper whose broker takes everything, on a journal that may be opened again."""

    def __init__(self, home: Path) -> None:
        self.home = home

    @asynccontextmanager
    async def running(self) -> AsyncIterator[tuple[Journal, Shipper]]:
        journal = Journal.open(self.home, enforcer_id="probe")
        shipper = Shipper(
            journal,
            enforcer_id="probe",
            key=ENFORCER,
            make_sender=Nowhere,
            ack_keys=lambda: {ACK.public.keyid: ACK.public},
        )
        shipper.start()
        try:
            yield journal, shipper
        finally:
            await asyncio.to_thread(shipper.close)
            await asyncio.to_thread(journal.close)


class Nowhere:
    """A broker that takes everything."""

    def __call__(self, _envelope: bytes) -> None:
        pass

    def close(self) -> None:
        pass


def head_of(journal: Journal) -> Link:
    pending = journal.ask(Store.pending)[-1]
    line = journal.ask(lambda store: store.lines(pending.number, pending.head - 1, most=1, most_bytes=10**6))[0]
    return open_line(line)[0]


async def refuses(forge: Callable[[Link], bytes], journal: Journal, shipper: Shipper) -> None:
    """Three receipts wait, and still do after the forged ack."""
    head, depth = head_of(journal), journal.depth()
    assert depth == 3
    shipper.acknowledge(forge(head))
    await asyncio.to_thread(wait_for, shipper.problems, "a problem")
    assert journal.depth() == depth
    shipper.acknowledge(an_ack(head))
    await asyncio.to_thread(wait_for, lambda: journal.depth() < depth, "the true ack")


@pytest.mark.parametrize("forge", FORGED.values(), ids=list(FORGED))
async def test_a_fresh_journal_takes_no_word_of_it(forge: Callable[[Link], bytes], tmp_path: Path) -> None:
    async with Recorder(tmp_path).running() as (journal, shipper):
        for _ in range(3):
            await journal.record(a_draft())
        await refuses(forge, journal, shipper)


@pytest.mark.parametrize("forge", FORGED.values(), ids=list(FORGED))
async def test_a_journal_that_knows_true_acks_takes_no_word_of_it(
    forge: Callable[[Link], bytes], tmp_path: Path
) -> None:
    async with Recorder(tmp_path).running() as (journal, shipper):
        await journal.record(a_draft())
        shipper.acknowledge(an_ack(head_of(journal)))
        await asyncio.to_thread(wait_for, lambda: journal.depth() == 0, "the first ack")
        for _ in range(3):
            await journal.record(a_draft())
        await refuses(forge, journal, shipper)


@pytest.mark.parametrize("forge", FORGED.values(), ids=list(FORGED))
async def test_after_a_restart_nothing_takes_a_word_of_it(forge: Callable[[Link], bytes], tmp_path: Path) -> None:
    async with Recorder(tmp_path).running() as (journal, _):
        for _ in range(3):
            await journal.record(a_draft())
    async with Recorder(tmp_path).running() as (journal, shipper):
        await refuses(forge, journal, shipper)


async def test_an_older_true_ack_takes_nothing_back(tmp_path: Path) -> None:
    async with Recorder(tmp_path).running() as (journal, shipper):
        await journal.record(a_draft())
        first = an_ack(head_of(journal))
        await journal.record(a_draft())
        shipper.acknowledge(an_ack(head_of(journal)))
        await asyncio.to_thread(wait_for, lambda: journal.depth() == 0, "the ack of both")
        shipper.acknowledge(first)
        await journal.record(a_draft())
        shipper.acknowledge(an_ack(head_of(journal)))
        await asyncio.to_thread(wait_for, lambda: journal.depth() == 0, "the ack of the third")
