"""The switch while the database is away: carried over from what is signed, kept, and taken in before anything else."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from controlplane.common.errors import InvalidState, StackUnreachable
from controlplane.incidents import emergency, spool
from controlplane.incidents.emergency import Done, Means, lower_in_emergency, raise_in_emergency
from controlplane.incidents.models import KillSwitch
from controlplane.incidents.services import lower_kill, quarantine, raise_kill
from controlplane.policy import waiting
from controlplane.policy.models import Kind, SignedDocument
from controlplane.policy.publisher.documents import waiting as outbox
from controlplane.policy.publisher.mirror import Mirror
from controlplane.receipts.models import Receipt
from enforcer.contract import redis_names
from enforcer.contract.incident import Incident
from enforcer.contract.keys import Role
from tests.controlplane.actors import ADA
from tests.controlplane.factories import ServerFactory
from tests.controlplane.policy.test_publisher import incident_of
from tests.controlplane.running import RunningPublisher, ring
from tests.controlplane.valkeys import Valkey
from tests.support.processes import wait_for

pytestmark = pytest.mark.django_db(transaction=True)
BY = "os:root@host"


@pytest.fixture
def files(valkey: Valkey) -> str:
    """A server whose state is published: a switch raised, somebody held. The publisher is gone again."""
    ServerFactory(id="files")
    quarantine(target="principal:eve", reason="test", actor=ADA)
    with RunningPublisher():
        change = raise_kill(target="tool:files/known", reason="before", actor=ADA).change_id
        assert change is not None
        assert waiting.wait_published(change, 10)
        wait_for(lambda: targets(valkey) == ["tool:files/known"], "the state in Redis")
    return "files"


@pytest.fixture(autouse=True)
def _no_acts() -> Iterator[None]:
    yield
    for path, _ in spool.kept(settings.KEYS_DIR):
        path.unlink()


def means(**changes: Any) -> Means:
    values = {"key": ring().signing[Role.INCIDENT], "keys_dir": settings.KEYS_DIR, "redis_url": settings.REDIS_URL}
    return Means(**{**values, **changes})


def raised(target: str, **changes: Any) -> Done:
    return raise_in_emergency(target=target, reason="INC-9", by=BY, means=means(**changes))


def state(valkey: Valkey, server_id: str = "files") -> Incident:
    found = incident_of(valkey, server_id)
    assert found is not None
    return found


def targets(valkey: Valkey) -> list[str]:
    found = incident_of(valkey, "files")
    return [switch.target for switch in found.kill_switches] if found else []


def acts() -> list[Path]:
    return [path for path, _ in spool.kept(settings.KEYS_DIR)]


def test_it_is_signed_over_what_stands_and_everything_else_is_carried_along(files: str, valkey: Valkey) -> None:
    before = state(valkey)
    done = raised("tool:files/fs_delete")
    after = state(valkey)
    assert [switch.target for switch in after.kill_switches] == ["tool:files/known", "tool:files/fs_delete"]
    assert (after.epoch, after.generation, after.quarantined) == (
        before.epoch + 1, before.generation, ("principal:eve",),
    )  # fmt: skip
    assert (done.refused, done.wanted["files"][0]) == ({}, after.epoch)
    assert after.kill_switches[1].id == done.id


def test_the_publisher_takes_it_over_with_reason_and_name_and_goes_on_above_it(files: str, valkey: Valkey) -> None:
    done = raised("tool:files/fs_delete")
    in_emergency = state(valkey)
    with RunningPublisher():
        wait_for(lambda: not acts(), "the act in the database")
        wait_for(lambda: state(valkey).epoch > in_emergency.epoch, "a newer state")
        assert sorted(targets(valkey)) == ["tool:files/fs_delete", "tool:files/known"]
    row = KillSwitch.objects.get(target="tool:files/fs_delete")
    assert (row.raised_by, done.id in row.reason, row.reason.startswith("INC-9 ")) == (BY, True, True)
    assert f"kill-{row.pk}" in {switch.id for switch in state(valkey).kill_switches}
    kept = SignedDocument.objects.get(kind=Kind.INCIDENT, number=in_emergency.epoch)
    assert kept.payload_hash == done.wanted["files"][1]
    receipt = json.loads(bytes(Receipt.objects.latest("sequence").line))
    assert (receipt["action"], receipt["principal"]["sub"]) == ("kill.raise", BY)
    assert done.id in receipt["detail"]["reason"]


def test_what_waited_in_the_database_does_not_overtake_it(files: str, valkey: Valkey) -> None:
    lower_kill(target="tool:files/known", reason="while nobody published", actor=ADA)
    assert outbox(Kind.INCIDENT).exists()
    raised("server:files")
    with RunningPublisher():
        wait_for(lambda: targets(valkey) == ["server:files"], "both acts in one state")
    published = SignedDocument.objects.filter(kind=Kind.INCIDENT).order_by("number")
    numbers = [row.number for row in published]
    assert numbers == sorted(set(numbers))


def test_it_is_lowered_in_the_emergency_too_and_the_database_hears_of_both(files: str, valkey: Valkey) -> None:
    raised("server:files")
    lower_in_emergency(target="server:files", reason="a mistake", by=BY, means=means())
    assert targets(valkey) == ["tool:files/known"]
    with RunningPublisher():
        wait_for(lambda: not acts(), "the acts in the database")
        wait_for(lambda: not outbox(Kind.INCIDENT).exists(), "nothing to wait")
        assert targets(valkey) == ["tool:files/known"]
    row = KillSwitch.objects.get(target="server:files")
    assert row.lowered_at is not None
    assert row.lowered_reason.startswith("a mistake ")


def test_what_the_database_knows_is_not_lowered_without_it(files: str, valkey: Valkey) -> None:
    with pytest.raises(InvalidState, match="raised before the emergency"):
        lower_in_emergency(target="tool:files/known", reason="x", by=BY, means=means())
    with pytest.raises(InvalidState, match="on no server"):
        lower_in_emergency(target="server:files", reason="x", by=BY, means=means())
    assert (targets(valkey), acts()) == (["tool:files/known"], [])


@pytest.mark.parametrize("forged", [b"{}", b"junk", None])
def test_a_state_that_is_not_ours_is_not_built_upon(files: str, valkey: Valkey, forged: bytes | None) -> None:
    """The switches of the true one would be lost by it."""
    ServerFactory(id="other")
    key = redis_names.incident("files")
    if forged is None:
        valkey.client.copy(key, redis_names.incident("other"))
        done = raised("server:other")
        assert (done.refused, done.wanted) == ({"other": "its incident state is another server's"}, {})
        return
    valkey.client.set(key, forged)
    done = raised("server:files")
    assert (done.refused, done.wanted) == ({"files": "its incident state in Redis is not ours"}, {})
    assert valkey.client.get(key) == forged


def test_without_redis_it_is_kept_and_raised_when_the_publisher_is_back(files: str, valkey: Valkey) -> None:
    with pytest.raises(StackUnreachable):
        raised("server:files", redis_url="redis://127.0.0.1:1/0")
    assert len(acts()) == 1
    with RunningPublisher():
        wait_for(lambda: "server:files" in targets(valkey), "the switch in Redis")
    assert KillSwitch.objects.filter(target="server:files", lowered_at=None).exists()


def test_somebody_who_publishes_in_between_is_built_upon_too(
    files: str, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, once = Mirror.replace, iter([True])

    def late(self: Mirror, *args: Any, **more: Any) -> bool:
        if next(once, False):
            monkeypatch.setattr(Mirror, "replace", real)
            raised("tool:files/between")
        return real(self, *args, **more)

    monkeypatch.setattr(Mirror, "replace", late)
    raised("server:files")
    assert targets(valkey) == ["tool:files/known", "tool:files/between", "server:files"]


def test_an_act_that_can_not_be_read_holds_nothing_up(files: str, valkey: Valkey) -> None:
    spool.keep(settings.KEYS_DIR, spool.Act("emergency-1", False, "server:files", "r", BY, "2026-01-01T00:00:00Z"))
    path = acts()[0]
    path.write_text("{")
    with RunningPublisher():
        change = raise_kill(target="tool:files/more", reason="test", actor=ADA).change_id
        assert change is not None
        assert waiting.wait_published(change, 10)
    assert (acts(), path.with_suffix(".bad").read_text()) == ([], "{")


def test_a_server_that_is_gone_meanwhile_is_no_reason_to_stop(files: str, valkey: Valkey) -> None:
    act = spool.Act("emergency-1", False, "server:moon", "r", BY, "2026-01-01T00:00:00Z", {"moon": "{}"})
    spool.keep(settings.KEYS_DIR, act)
    with RunningPublisher():
        wait_for(lambda: not acts(), "the act to be done with")


def test_what_redis_has_lost_is_never_taken_for_stopped(files: str, valkey: Valkey) -> None:
    valkey.client.flushall()
    with pytest.raises(StackUnreachable, match="Redis has no incident state"):
        raised("server:files")
    done = raised("server:files", guarded=frozenset({"files", "other"}))
    assert (done.wanted, done.refused) == ({}, {"files": "Redis has no incident state of it"})
    assert len(acts()) == 2  # kept, for when the publisher is back


def test_a_target_that_is_none_does_nothing(files: str) -> None:
    with pytest.raises(InvalidState, match="planet"):
        raised("planet:mars")
    assert acts() == []


def test_too_large_a_state_stops_everything(files: str, valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(emergency.LARGEST, Kind.INCIDENT, 100)
    raised("tool:files/x")
    assert targets(valkey) == ["all"]
