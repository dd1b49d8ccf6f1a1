"""One change is rolled back as a new one: what it made different is as it was, and nothing else."""

from typing import Any

import pytest
from django.db import transaction
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from controlplane.accounts.roles import ROLES
from controlplane.common.actor import Actor
from controlplane.common.errors import Conflict, InvalidState, NotAllowed
from controlplane.grants.models import Grant
from controlplane.incidents.services import raise_kill
from controlplane.inventory.models import Server, Tool
from controlplane.policy import edits
from controlplane.policy.declarative import undo
from controlplane.policy.declarative.apply import apply_policy
from controlplane.policy.declarative.current import current_policy
from controlplane.policy.declarative.items import document_of
from controlplane.policy.models import Change, Undo
from controlplane.policy.rolling_back import roll_back
from controlplane.principals.models import Group, Principal
from controlplane.receipts.models import Receipt
from enforcer.contract.strict_json import parse_object
from tests.controlplane.actors import ADA
from tests.controlplane.browsing import OWNER, signed_in, text
from tests.controlplane.factories import GrantFactory, GroupFactory, PrincipalFactory, ServerFactory, ToolFactory
from tests.controlplane.policy_file.policies import NOW

pytestmark = pytest.mark.django_db
VIEWER = Actor("vera", ROLES["viewer"])
GRANT: dict[str, Any] = {"id": "one", "principal": "alice", "server": "files", "tools": ["fs_read"]}


@pytest.fixture(autouse=True)
def _world() -> None:
    ToolFactory(server=ServerFactory(id="files"), name="fs_read", risk="LOW")
    PrincipalFactory(subject="alice", groups=[GroupFactory(name="finance")])


def edited(section: str, item: dict[str, Any], *, removal: bool = False) -> int:
    act = edits.remove if removal else edits.save
    (change_id,) = act(section=section, item=item, actor=ADA, reason="this morning").change_ids
    return change_id


def applied(document: dict[str, Any], **more: Any) -> int:
    done = apply_policy(value=document, source="x", actor=ADA, now=NOW, **more)
    assert not done.problems, done.problems
    return done.change_ids[-1]


def policy() -> dict[str, Any]:
    return document_of(current_policy())


TOOL = {"server": "files", "name": "fs_read", "risk": "HIGH"}
EDITS: list[Any] = [
    ("grants", GRANT, False),
    ("grants", {k: v for k, v in GRANT.items() if k != "id"}, False),
    ("grants", {"id": "held"}, True),
    ("grants", {"id": "held", "principal": "alice", "server": "files", "tools": ["*"], "max_risk": "HIGH"}, False),
    ("principals", {"subject": "alice", "issuer": "drawbridge", "groups": []}, False),
    ("principals", {"subject": "alice", "issuer": "drawbridge"}, True),
    ("tools", TOOL, False),
    ("tools", {**TOOL, "name": "fs_new"}, False),
    ("trust_levels", {"name": "internal", "ceiling": "LOW"}, False),
    ("risk_patterns", {"pattern": "drop", "risk": "HIGH", "where": "name"}, False),
    ("servers", {"id": "files", "trust_level": "internal", "limits": {"rate": "5/second"}}, False),
]


@pytest.mark.parametrize(("section", "item", "removal"), EDITS)
def test_every_kind_of_edit_is_rolled_back_to_what_was_before(section: str, item: Any, removal: bool) -> None:
    GrantFactory(key="held", principal=Principal.objects.get(), server=Server.objects.get(), tools=["fs_*"])
    if section == "tools":
        item = {**item, "input_schema": {"type": "object"}}
    before = policy()
    change_id = edited(section, item, removal=removal)
    assert policy() != before
    planned = roll_back(change_id=change_id, actor=ADA, dry_run=True)
    assert planned.changes
    assert policy() != before
    done = roll_back(change_id=change_id, actor=ADA, reason="too much")
    assert done.changes == planned.changes
    assert policy() == before


def test_it_is_a_change_with_a_receipt_and_can_be_rolled_back_itself() -> None:
    first = edited("grants", GRANT)
    (second,) = roll_back(change_id=first, actor=ADA, reason="too much").change_ids
    assert not Grant.objects.exists()
    change = Change.objects.get(pk=second)
    assert (change.actor, change.reason, [part.server_id for part in change.parts.all()]) == (
        ADA.name,
        "too much",
        ["files"],
    )
    told = parse_object(bytes(Receipt.objects.latest("sequence").line))
    assert told["action"] == "policy.roll_back"
    assert told["detail"]["rolled_back"] == first  # type: ignore[index,call-overload]
    roll_back(change_id=second, actor=ADA)
    assert Grant.objects.get().key == "one"


def test_what_was_changed_again_since_stands_in_the_way_and_is_named() -> None:
    change_id = edited("grants", GRANT)
    edited("grants", {**GRANT, "tools": ["fs_*"]})
    with pytest.raises(Conflict, match="changed again since then: grant one"):
        roll_back(change_id=change_id, actor=ADA)
    assert Grant.objects.get().tools == ["fs_*"]
    edited("grants", {"id": "one"}, removal=True)
    with pytest.raises(Conflict, match="grant one"):
        roll_back(change_id=change_id, actor=ADA)


def test_what_stands_on_what_would_go_goes_with_it_and_is_shown_before() -> None:
    change_id = applied({"version": 1, "principals": [{"subject": "bob"}], "grants": [{**GRANT, "principal": "bob"}]})
    edited("grants", {**GRANT, "id": "two", "principal": "bob"})
    lines = [change.line()[:12] for change in roll_back(change_id=change_id, actor=ADA, dry_run=True).changes]
    assert lines == ["- grant one:", "- grant two:", "- principal "]
    roll_back(change_id=change_id, actor=ADA)
    assert not Principal.objects.filter(subject="bob").exists()


def test_a_group_that_was_given_grants_since_stays() -> None:
    change_id = applied({"version": 1, "groups": [{"name": "support"}], "grants": [GRANT]})
    edited("grants", {"group": "support", "server": "files", "tools": ["*"]})
    with pytest.raises(Conflict, match="the group is named by 1 grants"):
        roll_back(change_id=change_id, actor=ADA)
    assert Group.objects.filter(name="support").exists()
    assert Grant.objects.count() == 2


def test_a_whole_file_is_rolled_back_at_once_and_what_others_did_meanwhile_stays() -> None:
    before = policy()
    change_id = applied(
        {
            "version": 1,
            "groups": [{"name": "support"}],
            "principals": [{"subject": "bob", "groups": ["support"]}],
            "servers": [{"id": "mail", "trust_level": "internal"}],
            "grants": [{"group": "support", "server": "mail", "tools": ["*"]}, GRANT],
        }
    )
    edits.save(section="principals", item={"subject": "carol"}, actor=ADA)
    roll_back(change_id=change_id, actor=ADA)
    after = policy()
    assert after.get("grants") == before.get("grants")
    assert {p["subject"] for p in after["principals"]} == {"alice", "carol"}
    assert [s["id"] for s in after["servers"]] == ["files"]


def test_a_file_that_pruned_gives_back_what_it_took() -> None:
    edited("grants", GRANT)
    before = policy()
    change_id = applied({k: v for k, v in before.items() if k != "grants"}, prune=True)
    assert not Grant.objects.exists()
    roll_back(change_id=change_id, actor=ADA)
    assert policy() == before


@pytest.mark.parametrize("limit", ["MOST_OBJECTS", "LONGEST"])
def test_of_what_is_too_large_nothing_is_kept_and_it_says_so(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(undo, limit, 0)
    change_id = edited("grants", GRANT)
    assert not Undo.objects.exists()
    with pytest.raises(InvalidState, match="too large"):
        roll_back(change_id=change_id, actor=ADA)


def test_a_switch_is_lowered_and_not_rolled_back() -> None:
    change_id = raise_kill(target="server:files", reason="x", actor=ADA).change_id
    assert change_id is not None
    with pytest.raises(InvalidState, match="no edit of the policy"):
        roll_back(change_id=change_id, actor=ADA)


def test_whoever_may_not_edit_may_not_roll_back() -> None:
    change_id = edited("grants", GRANT)
    with pytest.raises(NotAllowed):
        roll_back(change_id=change_id, actor=VIEWER)
    assert Grant.objects.exists()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(range(len(EDITS))), min_size=1, max_size=4, unique=True))
def test_changes_rolled_back_in_reverse_order_leave_the_policy_as_it_was(numbers: list[int]) -> None:

    with transaction.atomic():
        if not Grant.objects.exists():
            GrantFactory(key="held", principal=Principal.objects.get(), server=Server.objects.get(), tools=["fs_*"])
        before, done = policy(), []
        for number in numbers:
            section, item, removal = EDITS[number]
            item = {**item, "input_schema": {"type": "object"}} if section == "tools" else item
            try:
                ids = (edits.remove if removal else edits.save)(section=section, item=item, actor=ADA).change_ids
            except (InvalidState, Conflict):
                continue
            assume(ids)  # what concerns no server is no change
            done += ids
        for change_id in reversed(done):
            roll_back(change_id=change_id, actor=ADA)
        assert policy() == before
        transaction.set_rollback(True)


def test_the_page_of_a_change_shows_what_rolling_back_would_do_and_does_it() -> None:
    change_id = edited("grants", GRANT)
    owner = signed_in(OWNER)
    page = owner.get(f"/admin/policy/change/{change_id}/change/").content.decode()
    assert f"/admin/policy/change/{change_id}/rollback/" in page
    url = f"/admin/policy/change/{change_id}/rollback/"
    asked = text(owner.get(url))
    assert "- grant one" in asked
    assert "alice" in asked
    done = owner.post(url, {"reason": f"rolls change {change_id} back: too much"}, follow=True)
    assert "Rolled back" in text(done)
    assert not Grant.objects.exists()
    again = text(owner.get(url))
    assert "changed again since then: grant one" in again
    assert (
        f"/admin/policy/change/{change_id}/rollback/"
        not in signed_in("viewer").get(f"/admin/policy/change/{change_id}/change/").content.decode()
    )


def test_tools_that_were_seen_meanwhile_stay_seen() -> None:
    change_id = edited("servers", {"id": "mail", "trust_level": "internal"})
    Tool.objects.create(server_id="mail", name="send", risk="LOW", input_schema={}, state="unreviewed")
    roll_back(change_id=change_id, actor=ADA)
    assert Server.objects.get(pk="mail").retired
