"""Proposals, changes, documents and the policy file over the API."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from ruamel.yaml import YAML

from controlplane.common.actor import Right
from controlplane.policy.models import Change, ChangedServer, Published, SignedDocument
from controlplane.policy.services import policy_changed
from controlplane.principals.models import Group
from enforcer.contract.envelope import PayloadType, unseal
from enforcer.contract.keys import Role
from tests.controlplane.actors import ADA
from tests.controlplane.api.asking import asker, done, problem
from tests.controlplane.factories import GroupFactory, PrincipalFactory, ServerFactory
from tests.controlplane.running import RunningPublisher
from tests.controlplane.valkeys import Valkey
from tests.support.processes import wait_for

BODY = {"section": "groups", "item": {"name": "finance"}, "reason": "a new team"}
FILE = b"version: 1\ngroups:\n  - {name: finance}\n"


@pytest.mark.django_db
class TestProposals:
    def test_one_is_opened_by_one_person_and_approved_by_another(self) -> None:
        author, owner = asker(Right.VIEW, Right.PROPOSE, name="author"), asker(name="owner")
        opened = author.post("/proposals", BODY)
        row = done(opened, 201)["proposal"]
        assert opened.headers["Location"] == f"/api/v1/proposals/{row['id']}"
        assert done(author.get(f"/proposals/{row['id']}"))["summary"] == "+ group finance"
        assert problem(author.post(f"/proposals/{row['id']}/approve"))["code"] == "edit_policy"
        assert done(owner.get("/proposals?open=true"))["results"][0]["proposed_by"] == "token:author"
        saved = done(owner.post(f"/proposals/{row['id']}/approve", {"note": "fine"}, Idempotency_Key="one"))
        assert saved["changes"] == ["+ group finance"]
        again = owner.post(f"/proposals/{row['id']}/approve", {"note": "fine"}, Idempotency_Key="one")
        assert done(again) == saved
        assert done(owner.get("/proposals?open=true"))["results"] == []
        assert Group.objects.filter(name="finance").exists()

    def test_nobody_approves_their_own(self) -> None:
        who = asker()
        row = done(who.post("/proposals", BODY), 201)["proposal"]
        assert problem(who.post(f"/proposals/{row['id']}/approve"))["code"] == "second_person"

    def test_one_is_rejected_or_taken_back_and_then_closed(self) -> None:
        author, owner = asker(Right.VIEW, Right.PROPOSE, name="author"), asker(name="owner")
        first, second = (done(author.post("/proposals", {**BODY, "item": {"name": name}}), 201) for name in "ab")
        rejected = done(owner.post(f"/proposals/{first['proposal']['id']}/reject", {"note": "no"}))["proposal"]
        assert (rejected["approved"], rejected["note"]) == (False, "no")
        done(author.post(f"/proposals/{second['proposal']['id']}/reject"))
        assert problem(owner.post(f"/proposals/{first['proposal']['id']}/approve"))["status"] == 422

    def test_one_that_would_be_refused_is_not_opened_and_says_where(self) -> None:
        body = {"section": "grants", "item": {"group": "g", "rate": "often"}}
        said = problem(asker().post("/proposals", body))
        assert "/item/rate" in {error["pointer"] for error in said["errors"]}
        assert problem(asker().post("/proposals", {"section": "kill_switches"}))["status"] == 422

    def test_what_has_changed_since_stands_in_the_way_of_approving(self) -> None:
        PrincipalFactory(subject="ada")
        server = ServerFactory(id="files")
        grant = {"principal": "ada", "server": "files", "tools": ["*"]}
        author, owner = asker(Right.VIEW, Right.PROPOSE, name="author"), asker(name="owner")
        row = done(author.post("/proposals", {"section": "grants", "item": grant}), 201)["proposal"]
        server.retired = True
        server.save()
        said = problem(owner.post(f"/proposals/{row['id']}/approve"))
        assert said["errors"][0]["pointer"] == "/server"
        assert done(owner.get(f"/proposals/{row['id']}"))["approved"] is None

    def test_there_is_none(self) -> None:
        assert problem(asker().post("/proposals/7/approve"))["status"] == 404


@pytest.mark.django_db
class TestPolicyFile:
    def test_what_it_gives_it_takes_back_and_nothing_changes(self) -> None:
        PrincipalFactory(subject="ada", groups=[GroupFactory(name="finance")])
        ServerFactory(id="files")
        for accept in ("application/json", "application/yaml"):
            answer = asker().get("/policy", Accept=accept)
            assert answer.headers["Content-Type"] == accept
            assert answer.headers["Cache-Control"] == "no-store"
            text = b"".join(answer.streaming_content)
            read: Any = json.loads(text) if accept.endswith("json") else YAML(typ="safe").load(text)
            assert [item["id"] for item in read["servers"]] == ["files"]
            saved = done(asker().post("/policy?prune=true", text, Content_Type=accept))
            assert saved["changes"] == []

    def test_a_file_is_applied_and_says_what_it_changed(self) -> None:
        saved = done(asker().post("/policy", FILE, Content_Type="application/yaml"))
        assert saved["changes"] == ["+ group finance"]
        assert Group.objects.get().name == "finance"

    def test_a_dry_run_changes_nothing_and_prune_takes_away(self) -> None:
        GroupFactory(name="old")
        who = asker()
        would = done(who.post("/policy?dry_run=true&prune=true", FILE, Content_Type="application/yaml"))
        assert would["changes"] == ["+ group finance", "- group old"]
        assert [group.name for group in Group.objects.all()] == ["old"]
        assert done(who.post("/policy", {"version": 1}))["left_alone"] == "1 groups"
        done(who.post("/policy?prune=true", FILE, Content_Type="application/yaml"))
        assert [group.name for group in Group.objects.all()] == ["finance"]

    def test_what_is_wrong_names_its_line(self) -> None:
        said = problem(asker().post("/policy", FILE + b"grants: [{group: x}]\n", Content_Type="application/yaml"))
        assert {(error["pointer"], error["line"]) for error in said["errors"]} >= {("/grants/0/group", 4)}
        said = problem(asker().post("/policy", b"a: &x 1\n", Content_Type="application/yaml"))
        assert said["errors"][0]["line"] == 1
        assert not Group.objects.exists()

    @pytest.mark.parametrize("body", [b"", b"null", b"[]", b'{"version": 2}'])
    def test_what_is_no_policy_file_is_refused(self, body: bytes) -> None:
        assert problem(asker().post("/policy", body))["status"] == 422

    def test_each_section_needs_its_right(self) -> None:
        editor = asker(Right.VIEW, Right.EDIT_POLICY)
        done(editor.post("/policy", FILE, Content_Type="application/yaml"))
        backend = {"version": 1, "vault_backends": [{"name": "a", "kind": "env"}]}
        assert problem(editor.post("/policy", backend))["code"] == "edit_credentials"
        switch = {"version": 1, "kill_switches": [{"target": "all", "reason": "x"}]}
        assert problem(editor.post("/policy", switch))["code"] == "raise_kill"
        assert problem(asker(Right.VIEW).post("/policy", {"version": 1}))["status"] == 403


@pytest.mark.django_db
def test_a_change_that_waits_says_so_and_changes_are_filtered_by_server() -> None:
    ServerFactory(id="files")
    ServerFactory(id="mail")
    first = policy_changed(server_ids=["files"], actor=ADA, reason="x")
    policy_changed(server_ids=["mail"], actor=ADA, reason="y")
    waiting = done(asker().get(f"/changes/{first}"))
    assert (waiting["publication"]["servers"], waiting["publication"]["published"]) == (1, 0)
    assert waiting["publication"]["settled"] is False
    assert [change["id"] for change in done(asker().get("/changes?server=files"))["results"]] == [first]
    ChangedServer.objects.filter(change_id=first).update(error="too large")
    assert done(asker().get(f"/changes/{first}"))["publication"]["problems"] == ["files: too large"]


@pytest.fixture
def publisher(valkey: Valkey) -> Iterator[RunningPublisher]:
    ServerFactory(id="files")
    with RunningPublisher() as running:
        wait_for(lambda: Published.objects.exclude(lease="").exists(), "a lease")
        yield running


@pytest.mark.django_db(transaction=True)
def test_published_changes_and_documents_are_seen_and_verify(publisher: RunningPublisher) -> None:
    change = policy_changed(server_ids=["files"], actor=ADA, reason="x")
    wait_for(lambda: ChangedServer.objects.filter(change_id=change, document__isnull=False).exists(), "publishing")
    seen = done(asker().get(f"/changes/{change}"))["publication"]
    assert (seen["published"], seen["settled"], seen["known"], seen["enforcers"]) == (1, True, True, [])
    newest = done(asker().get("/documents?kind=policy&server=files"))["results"][0]
    assert newest["id"] == SignedDocument.objects.filter(kind="policy").latest("id").pk
    envelope = done(asker().get(f"/documents/{newest['id']}"))["envelope"]
    keys = publisher.ring.key_list.of(Role.POLICY)
    payload = json.loads(unseal(json.dumps(envelope).encode(), PayloadType.SNAPSHOT, keys))
    assert (payload["server_id"], payload["version"]) == ("files", newest["number"])
    assert Change.objects.count() == 1
