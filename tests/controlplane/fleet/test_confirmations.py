"""Who has applied a change, and after how many milliseconds: as their own word comes in, laggards first."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from controlplane.fleet.models import Confirmation
from controlplane.fleet.publication import Publication, publication
from controlplane.incidents.services import raise_kill
from controlplane.policy.models import Change
from tests.controlplane.actors import ADA
from tests.controlplane.browsing import signed_in, text
from tests.controlplane.commands import run
from tests.controlplane.factories import ServerFactory, trust_level
from tests.controlplane.fleet.fake_enforcer import FakeEnforcer
from tests.controlplane.running import RunningPublisher
from tests.controlplane.valkeys import Valkey
from tests.support.processes import wait_for

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def fleet(valkey: Valkey, broker: Valkey, data_dir: Path) -> Iterator[dict[str, FakeEnforcer]]:
    """Three enforcers of `files`."""
    trust_level("internal")
    ServerFactory(id="files")
    with RunningPublisher(), ExitStack() as stack:
        made = {}
        for enforcer_id in ("one", "two", "three"):
            assert run("enroll", enforcer_id, "--server", "files").code == 0
            fake = FakeEnforcer(enforcer_id, ["files"], data_dir / "enforcers" / enforcer_id, valkey)
            made[enforcer_id] = stack.enter_context(fake)
        yield made


def raised() -> int:
    change_id = raise_kill(target="server:files", reason="a test", actor=ADA).change_id
    assert change_id is not None
    return change_id


def of(change_id: int) -> Publication:
    found = publication([change_id])
    assert found is not None
    return found


def test_each_confirmation_is_noted_with_its_milliseconds(fleet: dict[str, FakeEnforcer]) -> None:
    change_id = raised()
    wait_for(lambda: of(change_id).told, "all three")
    words = of(change_id).words
    assert {word.enforcer_id for word in words if word.applied and word.ms is not None} == set(fleet)
    assert of(change_id).ms == max(word.ms or 0 for word in words)
    rows = Confirmation.objects.filter(change=change_id)
    saved = Change.objects.get(pk=change_id).created_at
    assert all(saved < row.at < timezone.now() for row in rows)
    assert rows.count() == 3


def test_the_slowest_stands_first_and_one_that_holds_back_before_it(fleet: dict[str, FakeEnforcer]) -> None:
    fleet["two"].in_flight = 1
    change_id = raised()
    wait_for(lambda: of(change_id).applied == 2 and sum(w.ms is not None for w in of(change_id).words) == 2, "two")
    first = of(change_id).shown[0]
    assert (first.enforcer_id, first.applied, first.ms) == ("two", False, None)
    assert first.stops_by is not None
    assert first.stops_by > timezone.now()
    assert of(change_id).ms is None
    before = {row.enforcer_id: row.at for row in Confirmation.objects.all()}
    fleet["two"].in_flight = 0
    wait_for(lambda: of(change_id).told, "the third")
    assert of(change_id).shown[0].enforcer_id == "two"
    after = {row.enforcer_id: row.at for row in Confirmation.objects.all()}
    assert {name: after[name] for name in before} == before


def test_the_page_tells_them_and_asks_no_more_once_all_is_told(fleet: dict[str, FakeEnforcer]) -> None:
    fleet["three"].in_flight = 1
    change_id = raised()
    wait_for(lambda: of(change_id).applied == 2, "two")
    viewer = signed_in("viewer")
    page = viewer.get(f"/parts/changes/{change_id}/").content.decode()
    assert "hx-trigger" in page
    assert "stops by itself at" in page
    fleet["three"].in_flight = 0
    wait_for(lambda: of(change_id).told, "the third")
    answer = viewer.get(f"/parts/changes/{change_id}/", headers={"HX-Request": "true"})
    assert "hx-trigger" not in answer.content.decode()
    assert re.search(r"applied 3 of 3 in \d+ ms", text(answer))


def test_what_nobody_noted_in_time_is_told_without_milliseconds(fleet: dict[str, FakeEnforcer]) -> None:
    change_id = raised()
    wait_for(lambda: of(change_id).told, "all three")
    Confirmation.objects.all().delete()
    Change.objects.update(created_at=timezone.now() - timedelta(minutes=2))
    assert of(change_id).told
    assert {word.ms for word in of(change_id).words} == {None}
