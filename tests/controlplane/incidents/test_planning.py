"""Switches that are raised at a time to come."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from controlplane.common.errors import InvalidState
from controlplane.incidents.models import KillSwitch, PlannedKill
from controlplane.incidents.planning import cancel_plan, plan_kill, raise_planned
from controlplane.incidents.services import expire_kills, raise_kill
from controlplane.inventory.models import Server
from controlplane.policy.models import Change
from tests.controlplane.actors import ADA, GRACE
from tests.controlplane.api.asking import asker, done, problem
from tests.controlplane.factories import ServerFactory
from tests.controlplane.people import client_of

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
PLANS = "/admin/incidents/plannedkill/"


@pytest.fixture(autouse=True)
def files() -> Server:
    return ServerFactory(id="files")


def planned(**more: datetime) -> PlannedKill:
    times = {"starts_at": timezone.now() + HOUR, **more}
    return plan_kill(target="server:files", reason="the disk is replaced", actor=ADA, message="back at noon", **times)


def comes(plan: PlannedKill, ago: timedelta = timedelta(seconds=1)) -> None:
    """Its time has come."""
    PlannedKill.objects.filter(pk=plan.pk).update(starts_at=timezone.now() - ago)


def test_what_is_planned_stops_nothing_until_its_time() -> None:
    plan = planned()
    changes = Change.objects.count()
    assert raise_planned() == 0
    assert not KillSwitch.objects.exists()
    assert Change.objects.count() == changes
    comes(plan)
    assert raise_planned() == 1
    switch = KillSwitch.objects.get()
    assert (switch.target, switch.raised_by, switch.message) == ("server:files", "ada", "back at noon")
    assert switch.reason.startswith("the disk is replaced (planned at ")
    plan.refresh_from_db()
    assert (plan.outcome, plan.switch) == ("raised", switch)
    assert Change.objects.count() == changes + 1
    assert raise_planned() == 0


def test_it_lowers_itself_where_the_plan_says_so() -> None:
    plan = planned(expires_at=timezone.now() + 2 * HOUR)
    comes(plan)
    raise_planned()
    switch = KillSwitch.objects.get()
    assert switch.expires_at == plan.expires_at
    KillSwitch.objects.update(expires_at=timezone.now())
    assert expire_kills() == 1


def test_what_is_raised_already_stays_raised_and_the_plan_is_done() -> None:
    raise_kill(target="server:files", reason="now", actor=GRACE)
    plan = planned()
    comes(plan)
    raise_planned()
    plan.refresh_from_db()
    assert (KillSwitch.objects.count(), plan.outcome) == (1, "raised")


def test_a_plan_whose_whole_time_passed_while_nothing_ran_says_so() -> None:
    plan = planned(expires_at=timezone.now() + 2 * HOUR)
    PlannedKill.objects.update(starts_at=timezone.now() - 2 * HOUR, expires_at=timezone.now() - HOUR)
    assert raise_planned() == 0
    plan.refresh_from_db()
    assert plan.outcome == "not raised: nothing ran until its end was over"
    assert not KillSwitch.objects.exists()


def test_a_plan_that_is_cancelled_is_not_raised() -> None:
    plan = planned()
    assert cancel_plan(plan_id=plan.pk, reason="put off", actor=GRACE)
    assert not cancel_plan(plan_id=plan.pk, reason="again", actor=GRACE)
    comes(plan)
    assert raise_planned() == 0
    plan.refresh_from_db()
    assert plan.outcome == "cancelled by grace: put off"


@pytest.mark.parametrize(
    ("times", "word"),
    [
        ({"starts_at": timezone.now() - HOUR}, "starts_at"),
        ({"starts_at": timezone.now() + timedelta(days=500)}, "starts_at"),
        ({"expires_at": timezone.now()}, "expires_at"),
    ],
)
def test_times_that_make_no_sense_are_refused(times: dict[str, datetime], word: str) -> None:
    with pytest.raises(InvalidState) as caught:
        planned(**times)
    assert caught.value.code == word
    assert not PlannedKill.objects.exists()


def test_a_target_that_nobody_knows_is_refused_when_it_is_planned() -> None:
    with pytest.raises(InvalidState, match="no server 'fils'"):
        plan_kill(target="server:fils", starts_at=timezone.now() + HOUR, reason="r", actor=ADA)


def test_it_is_planned_and_cancelled_over_the_api() -> None:
    body = {"target": "server:files", "starts_at": "2099-01-31T22:00:00Z", "reason": "the disk"}
    assert problem(asker().post("/kill-switches/planned", body))["status"] == 422  # too far
    body["starts_at"] = f"{timezone.now() + HOUR:%Y-%m-%dT%H:%M:%SZ}"
    made = done(asker().post("/kill-switches/planned", body), 201)
    assert (made["target"], made["planned_by"], made["ended_at"]) == ("server:files", "token:ci", None)
    assert [row["id"] for row in done(asker().get("/kill-switches/planned?open=true"))["results"]] == [made["id"]]
    assert problem(asker().post("/kill-switches/planned", {"target": "all", "reason": "r"}))["status"] == 422
    assert done(asker().post(f"/kill-switches/planned/{made['id']}/cancel", {"reason": "no"})) == {"change_ids": []}
    assert done(asker().get("/kill-switches/planned?open=true"))["results"] == []
    assert asker().post("/kill-switches/planned/999/cancel", {"reason": "no"}).status_code == 404


def test_it_is_planned_and_cancelled_on_its_pages() -> None:
    client = client_of("responder", "policy owner")
    starts = f"{timezone.now() + HOUR:%Y-%m-%d %H:%M}"
    answer = client.post(
        PLANS + "add/", {"target": "server:files", "starts_at": starts, "reason": "the disk"}, follow=True
    )
    plan = PlannedKill.objects.get()
    assert "It stops nothing yet" in answer.content.decode()
    client.post(f"{PLANS}{plan.pk}/cancel/", {"reason": "put off"})
    assert "cancelled by paul: put off" in client.get(f"{PLANS}{plan.pk}/change/").content.decode()
