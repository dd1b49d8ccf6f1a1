"""What the page of a switch tells of its incident, in the order in which it happened."""

from datetime import timedelta
from typing import Any

import pytest

from controlplane.fleet.models import Confirmation
from controlplane.incidents import services
from controlplane.incidents.following import change_of
from controlplane.incidents.lowering import lower_by_two
from controlplane.incidents.models import KillSwitch
from controlplane.incidents.timeline import changes_of, timeline
from controlplane.policy.models import Change, ChangedServer, Kind, SignedDocument
from controlplane.receipts.services import ingest_batch
from enforcer.contract.times import to_text
from tests.controlplane.actors import ADA, GRACE
from tests.controlplane.factories import ServerFactory, ToolFactory
from tests.controlplane.people import HOSTILE, assert_inert, client_of
from tests.controlplane.receipts.sending import Sender

pytestmark = pytest.mark.django_db
KILLED = {"result": "deny", "reason_codes": ["DENY_KILL_SWITCH", "INCIDENT_KILL_SWITCH_ACTIVE"]}
OTHERWISE = {"result": "deny", "reason_codes": ["DENY_NO_MATCHING_RULE"]}


@pytest.fixture
def switch(db: None) -> KillSwitch:
    """On a tool of files, raised an hour ago."""
    ToolFactory(server=ServerFactory(id="files"), name="fs_write")
    made = services.raise_kill(target="tool:files/fs_*", reason="INC-7", actor=ADA).switch
    assert made
    KillSwitch.objects.update(raised_at=made.raised_at - timedelta(hours=1))
    Change.objects.update(created_at=made.raised_at - timedelta(hours=1))
    made.refresh_from_db()
    return made


def refused(gate: Sender, switch: KillSwitch, after_s: float, tool: str = "fs_write", **more: Any) -> None:
    at = to_text(switch.raised_at.timestamp() + after_s)
    given = {"principal": {"sub": "alice"}, "decision": KILLED, **more}
    mcp = {"server_id": "files", "tool_name": tool}
    ingest_batch(gate.batch([gate.receipt(event_time=at, mcp=mcp, **given)]))


def told(switch: KillSwitch, *, may_read_receipts: bool = True) -> list[str]:
    switch.refresh_from_db()
    return [event.what for event in timeline(switch, changes_of(switch), may_read_receipts=may_read_receipts)]


def test_it_tells_everything_in_order(switch: KillSwitch) -> None:
    began, gate = switch.raised_at, Sender("gate").enrol()
    change = change_of(switch.raised_by, began)
    document = SignedDocument.objects.create(
        kind=Kind.INCIDENT, server_id="files", number=2, generation=1, envelope="{}", payload_hash="sha256:x"
    )
    SignedDocument.objects.update(published_at=began + timedelta(seconds=0.03))
    ChangedServer.objects.filter(change_id=change).update(document=document)
    for name, ms in (("gate", 42), ("edge", 77)):
        Confirmation.objects.create(change_id=change, enforcer_id=name, at=began + timedelta(milliseconds=ms))
    for after_s in (2, 3, 4):
        refused(gate, switch, after_s)
    refused(gate, switch, 1, decision=OTHERWISE)
    refused(gate, switch, -5)
    Change.objects.create(kind=Kind.POLICY, actor="bob", reason="took the grant away")
    Change.objects.filter(actor="bob").update(created_at=began + timedelta(minutes=5))
    lower_by_two(target=switch.target, reason="it is mended", actor=ADA)
    lower_by_two(target=switch.target, reason="seen", actor=GRACE)
    assert told(switch)[:8] == [
        "ada raised it: INC-7",
        "published for 1 of 1 server",
        "gate confirmed it after 42 ms",
        "edge confirmed it after 77 ms",
        "first call refused: alice → files/fs_write",
        "last call refused: alice → files/fs_write",
        "bob changed the policy: took the grant away",
        "ada asked to lower it: it is mended",
    ]
    assert told(switch)[8:] == ["grace lowered it: seen"]


def test_calls_of_others_are_not_taken_for_its_own(switch: KillSwitch) -> None:
    ToolFactory(server_id="files", name="list")
    gate = Sender("gate").enrol()
    refused(gate, switch, 1, tool="list")
    assert told(switch) == ["ada raised it: INC-7"]


def test_receipts_are_for_those_who_may_read_them(switch: KillSwitch) -> None:
    gate = Sender("gate").enrol()
    refused(gate, switch, 1)
    assert "first call refused" in " ".join(told(switch))
    assert "refused" not in " ".join(told(switch, may_read_receipts=False))


def test_what_happened_after_it_was_lowered_is_another_story(switch: KillSwitch) -> None:
    lower_by_two(target=switch.target, reason="x", actor=ADA)
    lower_by_two(target=switch.target, reason="y", actor=GRACE)
    Change.objects.create(kind=Kind.POLICY, actor="eve", reason="later")
    assert not [what for what in told(switch) if what.startswith("eve")]


def test_its_page_shows_it_with_whatever_others_wrote_made_visible(switch: KillSwitch) -> None:
    refused(Sender("gate").enrol(), switch, 1, principal={"sub": HOSTILE})
    Change.objects.create(kind=Kind.POLICY, actor="eve", reason=HOSTILE)
    text = client_of("responder").get(f"/admin/incidents/killswitch/{switch.pk}/change/").content.decode()
    story = text.split("Timeline")[1]
    assert story.index("ada raised it: INC-7") < story.index("first call refused") < story.index("eve changed")
    assert_inert(text)
