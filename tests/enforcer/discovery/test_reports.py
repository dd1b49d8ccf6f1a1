from enforcer.contract.definition import definition_hash
from enforcer.contract.sighting import read_sighting
from enforcer.contract.strict_json import JsonObject
from enforcer.discovery.look import look
from enforcer.discovery.reports import LONGEST, report
from enforcer.journal.problems import JournalUnavailable
from tests.enforcer.pipeline.parts import SCHEMA, Bench

LIVE: JsonObject = {"name": "fs_read", "description": "Reads.", "inputSchema": SCHEMA}


async def test_what_a_look_found_is_a_receipt_each_and_told_once() -> None:
    bench = Bench()
    assert await look(bench.gate, "files") is None
    for _ in range(2):
        await report(bench.gate, "files")
    (receipt,) = bench.journal.receipts
    sighting = read_sighting(receipt)
    assert (sighting.what, sighting.hash, sighting.definition) == ("seen", definition_hash(LIVE), LIVE)
    assert receipt["principal"] == {"sub": "enforcer:probe", "actor_type": "system"}


async def test_what_the_disk_does_not_take_is_reported_another_time() -> None:
    def full(_receipt: JsonObject) -> None:
        raise JournalUnavailable("the disk is full")

    bench = Bench()
    await look(bench.gate, "files")
    bench.journal.check = full
    await report(bench.gate, "files")
    bench.journal.check = lambda _receipt: None
    await report(bench.gate, "files")
    assert len(bench.journal.receipts) == 1


async def test_a_definition_too_long_for_a_receipt_is_told_by_hash_and_size() -> None:
    bench, long = Bench(), {**LIVE, "description": "x" * LONGEST}
    policy = bench.link.applied
    assert policy is not None
    bench.gate.catalog("files").learn(policy.index, [long])
    await report(bench.gate, "files")
    sighting = read_sighting(bench.journal.receipts[0])
    assert (sighting.hash, sighting.definition) == (definition_hash(long), None)
    assert sighting.size > LONGEST


async def test_without_policy_nothing_is_listed_or_reported() -> None:
    bench = Bench()
    bench.link.applied = None
    failure = await look(bench.gate, "files")
    assert failure is not None
    await report(bench.gate, "files")
    assert (bench.server.seen, bench.journal.receipts) == ([], [])
