"""What the fleet hears, read back from a real Valkey and verified by the enforcer's public key."""

from pathlib import Path

import pytest

from enforcer.contract import documents, redis_names
from enforcer.contract.envelope import PayloadType, unseal
from enforcer.contract.fleet import Heartbeat
from enforcer.link import heartbeat
from enforcer.link.heartbeat import Beats
from enforcer.link.hooks import Hooks
from enforcer.link.redis_in import connector
from tests.enforcer.link.parts import ENFORCER, ENFORCER_KEY, Valkey, running, until
from tests.enforcer.link.publisher import SERVER, FakeTime, Gate, envelopes, incident, key, sealed, snapshot

NAME = redis_names.heartbeat(ENFORCER)


@pytest.fixture
async def gate(tmp_path: Path) -> Gate:
    """One that runs on snapshot 7, incident state 5, lease 10."""
    return await Gate(tmp_path, FakeTime()).start()


@pytest.fixture
def hourly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever comes sooner was asked for."""
    monkeypatch.setattr(heartbeat, "EVERY_S", 3600.0)


def beats(gate: Gate, valkey: Valkey, hooks: Hooks | None = None) -> Beats:
    connect = connector(valkey.url, valkey.password_file)
    return Beats(connect, ENFORCER_KEY, ENFORCER, (SERVER,), gate.holdings, gate.notes, hooks or Hooks())


def heard(valkey: Valkey) -> Heartbeat | None:
    raw = valkey.admin.get(NAME)
    if raw is None:
        return None
    public = ENFORCER_KEY.public
    return documents.read(unseal(raw, PayloadType.HEARTBEAT, {public.keyid: public}), Heartbeat)


async def test_it_says_what_is_applied_and_expires(gate: Gate, valkey: Valkey) -> None:
    gate.time.pass_s(4)
    hooks = Hooks(journal_depth=lambda: 12, warnings=lambda: ["no sandbox"], under_way={SERVER: (3, 2)}.__getitem__)
    async with running(beats(gate, valkey, hooks).run()):
        await until(lambda: heard(valkey))
    found = heard(valkey)
    assert found
    state = found.servers[SERVER]
    assert (state.snapshot_version, state.incident_epoch, state.lease_age_s) == (7, 5, 4.0)
    assert (found.enforcer_id, found.journal_depth, found.warnings) == (ENFORCER, 12, ("no sandbox",))
    assert found.generation == 1
    assert (state.calls_in_flight, state.sessions) == (3, 2)
    assert 0 < valkey.admin.ttl(NAME) <= 10


async def test_without_policy_it_says_so(tmp_path: Path, valkey: Valkey) -> None:
    async with running(beats(Gate(tmp_path, FakeTime()), valkey).run()):
        await until(lambda: heard(valkey))
    found = heard(valkey)
    assert found
    state = found.servers[SERVER]
    assert (state.snapshot_version, state.incident_epoch, state.lease_age_s) == (0, 0, None)


async def test_it_comes_each_second_under_a_rising_counter(
    gate: Gate, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "EVERY_S", 0.05)
    async with running(beats(gate, valkey).run()):
        await until(lambda: (first := heard(valkey)) and first.counter >= 3)


@pytest.mark.usefixtures("hourly")
async def test_an_applied_change_is_told_at_once_and_hinted(gate: Gate, valkey: Valkey) -> None:
    sender = beats(gate, valkey)
    hints = valkey.admin.pubsub(ignore_subscribe_messages=True)
    hints.subscribe(redis_names.applied(ENFORCER))
    async with running(sender.run()):
        await until(lambda: heard(valkey))
        await gate.offer(envelopes(incident(6, kills=("all",))))
        sender.changed.set()
        await until(lambda: (found := heard(valkey)) and found.servers[SERVER].incident_epoch == 6)
        await until(hints.get_message)
    hints.close()


@pytest.mark.usefixtures("hourly")
async def test_the_end_of_the_last_stopped_call_is_told_at_once(gate: Gate, valkey: Valkey) -> None:
    in_flight = {SERVER: 2}
    async with running(beats(gate, valkey, Hooks(in_flight_matching=in_flight.__getitem__)).run()):
        await until(lambda: (found := heard(valkey)) and found.servers[SERVER].in_flight_matching == 2)
        in_flight[SERVER] = 0
        await until(lambda: (found := heard(valkey)) and found.servers[SERVER].in_flight_matching == 0, 2)


async def test_a_refused_document_is_reported(gate: Gate, valkey: Valkey) -> None:
    offered = envelopes()
    await gate.offer(type(offered)(snapshot=sealed(snapshot(8), key("stranger"))))
    async with running(beats(gate, valkey).run()):
        await until(lambda: heard(valkey))
    found = heard(valkey)
    assert found
    assert found.servers[SERVER].problems == ("snapshot: no signature of a trusted key",)


async def test_it_comes_back_with_redis(gate: Gate, valkey: Valkey) -> None:
    async with running(beats(gate, valkey).run()):
        await until(lambda: heard(valkey))
        valkey.stop()
        await until(lambda: any(p.startswith("heartbeat") for p in gate.problems))
        valkey.start()
        await until(lambda: heard(valkey))
