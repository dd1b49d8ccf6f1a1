"""The rules about what may follow what, told as stories."""

from pathlib import Path

import pytest

from enforcer.contract.fleet import KeyList, ListedKey
from enforcer.contract.keys import Role
from enforcer.contract.times import to_text
from enforcer.link.state import Envelopes
from enforcer.link.verify import Kind
from tests.enforcer.link import publisher
from tests.enforcer.link.publisher import NOW, SERVER, FakeTime, Gate, envelopes, incident, key, lease, sealed, snapshot


@pytest.fixture
async def gate(tmp_path: Path) -> Gate:
    """One that runs on snapshot 7, incident state 5, lease 10."""
    return await Gate(tmp_path, FakeTime()).start()


async def test_the_pair_that_a_newer_lease_names_is_applied(gate: Gate) -> None:
    new = (snapshot(8), incident(6))
    await gate.offer(envelopes(*new, lease(11, of=new)))
    assert gate.state == (8, 6, 11)


async def test_documents_may_come_one_by_one_in_any_order(gate: Gate) -> None:
    new = (snapshot(8), incident(6))
    for document in (snapshot(8), lease(11, of=new), incident(6)):
        await gate.offer(envelopes(document))
    assert gate.state == (8, 6, 11)


async def test_a_snapshot_waits_for_the_lease_that_names_it(gate: Gate) -> None:
    await gate.offer(envelopes(snapshot(8)))
    assert gate.state == (7, 5, 10)
    assert gate.problems == ()


async def test_a_kill_runs_ahead_of_the_lease(gate: Gate) -> None:
    await gate.offer(envelopes(incident(6, kills=("all",))))
    assert gate.state == (7, 6, 10)


async def test_a_kill_that_ran_ahead_stays_under_the_next_lease_that_does_not_know_it(gate: Gate) -> None:
    await gate.offer(envelopes(incident(6, kills=("all",))))
    await gate.offer(envelopes(lease(11)))
    assert gate.state == (7, 6, 11)


async def test_an_incident_state_older_than_the_lease_names_is_refused(gate: Gate) -> None:
    await gate.offer(envelopes(lease(11, of=(snapshot(), incident(8)))))
    await gate.offer(envelopes(incident(7)))
    assert gate.state == (7, 5, 10)
    assert gate.problems == ("incident: 7 of generation 1 is older than 8 of generation 1, which the lease names",)


async def test_a_withheld_snapshot_lets_the_old_policy_age_though_leases_come(gate: Gate) -> None:
    new = (snapshot(8), incident())
    for counter in range(11, 40):
        gate.time.pass_s(1)
        await gate.offer(envelopes(lease(counter, of=new, issued_at=gate.time.at.wall)))
    assert gate.state == (7, 5, 10)
    assert gate.holdings.lease_age(SERVER) == 29


async def test_a_new_lease_renews_the_policy_that_it_names(gate: Gate) -> None:
    gate.time.pass_s(20)
    await gate.offer(envelopes(lease(11, issued_at=gate.time.at.wall)))
    assert gate.holdings.lease_age(SERVER) == 0


async def test_a_lease_played_again_renews_nothing(gate: Gate) -> None:
    gate.time.pass_s(20)
    await gate.offer(envelopes(lease(10, nonce="n")))
    await gate.offer(publisher.bundle())
    assert gate.holdings.lease_age(SERVER) == 20


async def test_a_lease_that_was_held_back_is_as_old_as_it_is(gate: Gate) -> None:
    gate.time.pass_s(20)
    await gate.offer(envelopes(lease(11, issued_at=NOW + 1)))
    assert gate.holdings.lease_age(SERVER) == 19


async def test_an_older_lease_is_refused_also_after_one_whose_snapshot_never_came(gate: Gate) -> None:
    await gate.offer(envelopes(lease(12, of=(snapshot(8), incident()))))
    await gate.offer(envelopes(lease(11)))
    assert gate.state == (7, 5, 10)
    assert any("lease: 11 of generation 1 is older than 12" in p for p in gate.problems)


async def test_a_lease_that_names_an_older_snapshot_than_was_applied_is_refused(gate: Gate) -> None:
    old = (snapshot(6), incident())
    await gate.offer(envelopes(*old, lease(11, of=old)))
    assert gate.state == (7, 5, 10)
    assert any(p.startswith("lease: names the snapshot 6") for p in gate.problems)


async def test_a_lease_signed_by_a_thief_of_its_key_alone_grants_nothing(gate: Gate) -> None:
    wider = (snapshot(8, tools=("fs_read", "fs_delete")), incident(6))
    await gate.offer(Envelopes(lease=sealed(lease(11, of=wider)), snapshot=sealed(wider[0], key("lease"))))
    assert gate.state == (7, 5, 10)


async def test_a_snapshot_that_cannot_be_indexed_is_refused_and_named(gate: Gate) -> None:
    twice = (snapshot(8, tools=("fs_read", "fs_read")), incident())
    await gate.offer(envelopes(*twice, lease(11, of=twice)))
    assert gate.state == (7, 5, 10)
    assert any(p.startswith("snapshot: 8 can't be used") for p in gate.problems)


async def test_a_kill_is_applied_though_the_snapshot_beside_it_is_refused(gate: Gate) -> None:
    new = (snapshot(8, expires_at=NOW - 1), incident(6, kills=("all",)))
    await gate.offer(envelopes(*new, lease(11, of=new)))
    assert gate.state == (7, 6, 10)


async def test_a_higher_generation_signed_by_the_root_cures_a_number_that_ran_away(gate: Gate) -> None:
    poisoned = (snapshot(2**53 - 1), incident(2**53 - 1))
    await gate.offer(envelopes(*poisoned, lease(2**53 - 1, of=poisoned)))
    assert gate.state == (2**53 - 1,) * 3

    cured = (snapshot(9, generation=2), incident(7, generation=2))
    await gate.offer(envelopes(publisher.key_list(4, generation=2), *cured, lease(13, of=cured, generation=2)))

    assert gate.state == (9, 7, 13)


async def test_an_incident_state_of_an_older_generation_is_not_newer_by_its_number(gate: Gate) -> None:
    await gate.offer(envelopes(incident(50)))
    cured = (snapshot(8, generation=2), incident(6, generation=2))
    await gate.offer(envelopes(publisher.key_list(4, generation=2), *cured, lease(11, of=cured, generation=2)))
    assert gate.state == (8, 6, 11)


async def test_policy_that_a_new_key_list_no_longer_vouches_for_is_dropped(gate: Gate) -> None:
    await gate.offer(envelopes(publisher.key_list(4, names={Role.POLICY: "policy-2"})))
    assert gate.state is None

    await gate.offer(Envelopes(lease=sealed(lease(11)), snapshot=sealed(snapshot(7))))
    assert gate.state is None

    again = snapshot(8)
    await gate.offer(
        Envelopes(lease=sealed(lease(12, of=(again, incident()))), snapshot=sealed(again, key("policy-2")))
    )
    assert gate.state == (8, 5, 12)


async def test_a_dropped_policy_stays_dropped_after_a_restart(gate: Gate) -> None:
    await gate.offer(envelopes(publisher.key_list(4, names={Role.POLICY: "policy-2"})))
    again = Gate(gate.directory, gate.time)
    assert again.state is None
    await again.offer(publisher.bundle())
    assert again.state is None


async def test_the_numbers_of_a_dropped_policy_are_remembered_after_a_restart(gate: Gate) -> None:
    await gate.offer(envelopes(publisher.key_list(4, names={Role.POLICY: "policy-2"})))
    again = Gate(gate.directory, gate.time)
    older = snapshot(6)
    vouching = lease(11, of=(older, incident()))
    await again.offer(
        Envelopes(lease=sealed(vouching), incident=sealed(incident()), snapshot=sealed(older, key("policy-2")))
    )
    assert again.state is None
    assert {p.split(":")[0] for p in again.problems} == {Kind.LEASE, Kind.SNAPSHOT}


async def test_keys_follow_each_other_without_a_gap_while_both_sign(gate: Gate) -> None:
    both = KeyList(
        schema=1,
        generation=1,
        issued_at=to_text(NOW),
        version=4,
        keys=(*publisher.listed(), ListedKey(role=Role.POLICY, public=key("policy-2").public.text)),
    )
    await gate.offer(envelopes(both))
    assert gate.state == (7, 5, 10)
    twice = snapshot(8)
    await gate.offer(
        Envelopes(
            lease=sealed(lease(11, of=(twice, incident()))), snapshot=sealed(twice, key("policy"), key("policy-2"))
        )
    )
    await gate.offer(envelopes(publisher.key_list(5, names={Role.POLICY: "policy-2"})))
    assert gate.state == (8, 5, 11)


async def test_without_memory_only_a_lease_with_the_own_nonce_opens(tmp_path: Path) -> None:
    gate = Gate(tmp_path, FakeTime())
    await gate.offer(publisher.bundle())
    assert gate.state is None
    await gate.offer(publisher.bundle(nonce="somebody else's"))
    assert gate.state is None
    assert gate.disk is None
    await gate.offer(publisher.bundle(gate.holdings.nonce(SERVER)))
    assert gate.state == (7, 5, 10)


async def test_after_the_nonce_any_newer_lease_counts(gate: Gate) -> None:
    assert gate.holdings.nonce(SERVER) is None
    await gate.offer(envelopes(lease(11)))
    assert gate.state == (7, 5, 11)


async def test_each_change_is_told_once_and_a_lease_is_none(gate: Gate) -> None:
    gate.changes.clear()
    new = (snapshot(8), incident(5))
    await gate.offer(envelopes(incident(6, kills=("all",))))
    await gate.offer(envelopes(lease(11, of=(snapshot(), incident(6, kills=("all",))))))
    await gate.offer(envelopes(snapshot(8), lease(12, of=(new[0], incident(6, kills=("all",))))))
    assert [(a.index.snapshot.version, a.incident.epoch) for a in gate.changes] == [(7, 6), (8, 6)]


async def test_a_document_without_a_key_list_is_refused_by_name(tmp_path: Path) -> None:
    gate = Gate(tmp_path, FakeTime())
    await gate.offer(envelopes(lease(), incident(), snapshot()))
    assert {p.split(":")[0] for p in gate.problems} == {Kind.LEASE, Kind.INCIDENT, Kind.SNAPSHOT}
