"""`manage.py kill` with a publisher, a real Valkey and enforcers that only report."""

import base64
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from controlplane.incidents.models import KillSwitch, PlannedKill
from controlplane.policy import waiting
from controlplane.policy.models import Change, Published
from controlplane.receipts.models import Receipt
from enforcer.contract.times import from_text
from tests.controlplane.commands import Ended, run
from tests.controlplane.factories import ServerFactory
from tests.controlplane.fleet.fake_enforcer import FakeEnforcer
from tests.controlplane.running import RunningPublisher
from tests.controlplane.valkeys import Valkey
from tests.support.processes import wait_for

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def fleet(valkey: Valkey, broker: Valkey, data_dir: Path) -> Iterator[dict[str, FakeEnforcer]]:
    """Two enforcers of `files`, one of `mail`."""
    ServerFactory(id="files")
    ServerFactory(id="mail")
    with RunningPublisher(), ExitStack() as stack:
        made: dict[str, FakeEnforcer] = {}
        for enforcer_id, server_id in (("one", "files"), ("two", "files"), ("post", "mail")):
            assert run("enroll", enforcer_id, "--server", server_id).code == 0
            fake = FakeEnforcer(enforcer_id, [server_id], data_dir / "enforcers" / enforcer_id, valkey)
            made[enforcer_id] = stack.enter_context(fake)
        yield made


def kill(action: str, target: str, *more: str) -> Ended:
    return run("kill", action, target, "--reason", "a test", *more)


def test_every_enforcer_of_the_server_confirms_in_milliseconds(fleet: dict[str, FakeEnforcer]) -> None:
    ended = kill("raise", "server:files")
    assert ended.code == 0, ended
    *each, last = ended.out.splitlines()
    assert sorted(line.split()[0] for line in each) == ["one", "two"]
    assert all(re.fullmatch(r"(one|two)  \d+\.\d ms", line) for line in each)
    assert re.fullmatch(r"converged 2 of 2 in \d+\.\d ms", last)


def test_a_kill_of_everything_waits_for_the_whole_fleet(fleet: dict[str, FakeEnforcer]) -> None:
    ended = kill("raise", "all")
    assert ended.out.splitlines()[-1].startswith("converged 3 of 3 in ")


def test_a_raised_switch_can_be_lowered_and_both_leave_a_receipt(fleet: dict[str, FakeEnforcer]) -> None:
    assert kill("raise", "server:files").code == 0
    assert kill("lower", "server:files").code == 0
    switch = KillSwitch.objects.get()
    assert switch.lowered_reason == "a test"
    lines = [bytes(line) for line in Receipt.objects.values_list("line", flat=True)]
    assert sum(b'"action":"kill.raise"' in line for line in lines) == 1
    assert sum(b'"action":"kill.lower"' in line for line in lines) == 1


def test_raising_again_changes_nothing_and_still_shows_who_confirms(fleet: dict[str, FakeEnforcer]) -> None:
    assert kill("raise", "server:files").code == 0
    again = kill("raise", "server:files")
    assert again.code == 0
    assert "raised already" in again.err
    assert again.out.splitlines()[-1].startswith("converged 2 of 2")
    assert KillSwitch.objects.count() == 1


def test_a_switch_for_a_time_is_lowered_by_the_publisher_and_the_fleet_hears_it(
    fleet: dict[str, FakeEnforcer],
) -> None:
    assert kill("raise", "server:files", "--for", "1.5").code == 0
    switch = KillSwitch.objects.get()
    assert (switch.lowered_at, switch.expires_at is None) == (None, False)
    wait_for(lambda: KillSwitch.objects.filter(lowered_by="drawbridge").exists(), "its end", timeout_s=10)
    change = Change.objects.latest("id")
    wait_for(lambda: waiting.numbers(change.pk) != {}, "the state without it", timeout_s=10)


@pytest.mark.parametrize("words", [("lower", "all", "--for", "5"), ("raise", "all", "--for", "0"),
                                   ("raise", "all", "--for", "5", "--emergency")])  # fmt: skip
def test_a_time_that_makes_no_sense_is_refused(data_dir: Path, words: tuple[str, ...]) -> None:
    ended = kill(*words)
    assert (ended.code, "--for" in ended.err) == (2, True)


def test_lowering_what_is_not_raised_changes_nothing(fleet: dict[str, FakeEnforcer]) -> None:
    ended = kill("lower", "server:files")
    assert ended.code == 0
    assert "not raised" in ended.err


def test_an_enforcer_with_a_matching_call_in_flight_has_not_confirmed(fleet: dict[str, FakeEnforcer]) -> None:
    fleet["two"].in_flight = 1
    ended = kill("raise", "server:files", "--timeout", "0.5")
    assert ended.code == 1
    assert re.search(r"^two  silent, stops by \S+Z$", ended.out, re.MULTILINE)
    assert ended.out.splitlines()[-1].startswith("converged 1 of 2 in ")


def test_a_silent_enforcer_is_named_with_the_time_by_which_it_stops(
    fleet: dict[str, FakeEnforcer], data_dir: Path
) -> None:
    assert run("enroll", "gone", "--server", "files").code == 0
    ended = kill("raise", "server:files", "--timeout", "5")
    assert ended.code == 1
    told = re.search(r"^gone  silent, stops by (\S+)$", ended.out, re.MULTILINE)
    assert told
    assert from_text(told.group(1)) - datetime.now(UTC).timestamp() == pytest.approx(900, abs=10)


def test_a_heartbeat_under_another_key_confirms_nothing(
    fleet: dict[str, FakeEnforcer], data_dir: Path, valkey: Valkey
) -> None:
    fleet["two"].key = fleet["one"].key
    assert kill("raise", "server:files", "--timeout", "3").code == 1


def test_a_higher_epoch_that_this_database_never_published_confirms_nothing(fleet: dict[str, FakeEnforcer]) -> None:
    """As after a restore from backup: the enforcer runs on what the lost database had signed."""
    fleet["two"].epochs_ahead = 79
    ended = kill("raise", "server:files", "--timeout", "3")
    assert ended.code == 1
    assert "two  silent" in ended.out


def test_without_enforcers_it_says_so(valkey: Valkey) -> None:
    ServerFactory(id="files")
    with RunningPublisher():
        ended = kill("raise", "server:files")
    assert (ended.code, ended.out) == (0, "no enforcers\n")


def test_without_a_publisher_it_ends_with_3_and_the_switch_is_in_the_database(valkey: Valkey) -> None:
    ServerFactory(id="files")
    ended = kill("raise", "server:files", "--timeout", "0.2")
    assert (ended.code, ended.out) == (3, "")
    assert KillSwitch.objects.filter(target="server:files").exists()


def test_without_redis_it_ends_with_3_and_the_switch_is_in_the_database(data_dir: Path) -> None:
    ServerFactory(id="files")
    ended = kill("raise", "server:files")
    assert (ended.code, ended.out) == (3, "")
    assert KillSwitch.objects.filter(target="server:files").exists()


@pytest.mark.parametrize(
    "target", ["server:fles", "tool:fles/x", "credential:fles", "tool:files", "everything", "risk:HUGE"]
)
def test_a_target_that_stops_nothing_is_refused(data_dir: Path, target: str) -> None:
    ServerFactory(id="files")
    ended = kill("raise", target)
    assert (ended.code, ended.out) == (2, "")
    assert not KillSwitch.objects.exists()


def test_an_emergency_without_the_key_of_this_host_says_what_is_missing(data_dir: Path, valkey: Valkey) -> None:
    (settings.KEYS_DIR / "incident").unlink(missing_ok=True)
    ended = kill("raise", "all", "--emergency")
    assert (ended.code, ended.out) == (2, "")
    assert "incident: can't be read" in ended.err


def test_a_switch_that_waited_for_the_publisher_is_never_confirmed_at_an_older_epoch(
    fleet: dict[str, FakeEnforcer],
) -> None:
    assert kill("raise", "server:mail").code == 0
    with transaction.atomic():
        KillSwitch.objects.create(target="server:files", reason="the publisher was away", raised_by="ada")
    ended = kill("raise", "server:files")
    assert ended.code == 0
    server = Published.objects.select_related("incident").get(server_id="files")
    assert server.incident is not None
    assert server.incident.parts.exists()
    assert b"server:files" in base64.b64decode(json.loads(server.incident.envelope)["payload"])


@pytest.mark.parametrize("timeout", ["nan", "inf", "-1", "soon"])
def test_a_timeout_that_never_ends_is_refused(data_dir: Path, timeout: str) -> None:
    ended = kill("raise", "all", "--timeout", timeout)
    assert ended.code == 2
    assert ended.err.startswith("command line:1: --timeout: ")
    assert len(ended.err.splitlines()) == 1
    assert not KillSwitch.objects.exists()


def test_one_is_planned_and_the_publisher_raises_it_when_its_time_has_come(fleet: dict[str, FakeEnforcer]) -> None:
    starts = f"{timezone.now() + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
    ended = kill("raise", "server:files", "--at", starts, "--for", "3600")
    plan = PlannedKill.objects.get()
    assert (ended.code, ended.out.split(":")[0]) == (0, f"plan-{plan.pk}")
    assert plan.expires_at == plan.starts_at + timedelta(hours=1)
    assert not KillSwitch.objects.exists()
    PlannedKill.objects.update(starts_at=timezone.now())
    wait_for(KillSwitch.objects.first, "the switch to be raised")
    switch = KillSwitch.objects.get()
    assert (switch.target, switch.expires_at) == ("server:files", plan.expires_at)


@pytest.mark.parametrize(
    "words", [("--at", "tomorrow"), ("--at", "2026-01-01T00:00:00Z"), ("--at", "2026-01-01T00:00")]
)
def test_a_time_that_is_none_to_come_is_refused(words: tuple[str, ...]) -> None:
    ServerFactory(id="files")
    assert kill("raise", "server:files", *words).code == 2
    assert not PlannedKill.objects.exists()


def test_only_raising_with_the_database_can_be_planned() -> None:
    starts = f"{timezone.now() + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
    assert kill("raise", "all", "--at", starts, "--emergency").code == 2
    assert kill("lower", "all", "--at", starts).code == 2
