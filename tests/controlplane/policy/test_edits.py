"""Single objects, edited as pages and API do it."""

from typing import Any

import pytest

from controlplane.common.actor import Actor, Right
from controlplane.common.errors import Conflict, InvalidState, NotAllowed
from controlplane.grants.models import Grant
from controlplane.inventory.models import Server, Tool
from controlplane.policy import edits
from controlplane.policy.models import Change, ChangedServer
from controlplane.principals.models import Principal
from controlplane.receipts.models import Receipt
from enforcer.contract.strict_json import parse_object
from tests.controlplane.actors import ADA, GRACE
from tests.controlplane.factories import (
    GrantFactory,
    GroupFactory,
    IdentityProviderFactory,
    PrincipalFactory,
    ServerFactory,
    ToolFactory,
    trust_level,
)

pytestmark = pytest.mark.django_db
GRANT = {"principal": "ada", "server": "files", "tools": ["*"]}


def save(section: str, **item: Any) -> list[str]:
    """The servers whose policy the edit changed."""
    applied = edits.save(section=section, item=item, actor=GRACE, reason="a test")
    assert not applied.problems, applied.problems
    return changed(applied.change_ids)


def changed(change_ids: tuple[int, ...]) -> list[str]:
    parts = ChangedServer.objects.filter(change_id__in=change_ids).order_by("server_id")
    return list(parts.values_list("server_id", flat=True))


def test_an_edit_names_its_actor_and_reason_in_change_and_receipt() -> None:
    ServerFactory(id="other")
    applied = edits.save(section="servers", item={"id": "files", "trust_level": "internal"}, actor=ADA, reason="new")
    assert changed(applied.change_ids) == ["files"]
    change = Change.objects.get()
    receipt = parse_object(bytes(Receipt.objects.get().line))
    assert (change.actor, change.reason) == ("ada", "new")
    assert receipt["principal"] == {"sub": "ada", "actor_type": "user"}
    assert receipt["detail"] == {
        "section": "servers", "reason": "new", "change_count": 1, "changes": ["+ server files"],
    }  # fmt: skip


def test_a_grant_is_issued_moved_and_revoked_each_with_a_change_for_its_servers() -> None:
    ServerFactory(id="files")
    ServerFactory(id="mail")
    PrincipalFactory(subject="ada")
    assert save("grants", id="one", **GRANT) == ["files"]
    assert save("grants", id="one", **GRANT | {"server": "mail"}) == ["files", "mail"]
    revoked = edits.remove(section="grants", item={"id": "one"}, actor=GRACE)
    assert changed(revoked.change_ids) == ["mail"]
    assert not Grant.objects.exists()


def test_an_edit_that_changes_nothing_publishes_nothing() -> None:
    ServerFactory(id="files")
    PrincipalFactory(subject="ada")
    save("grants", **GRANT)
    assert edits.save(section="grants", item=dict(GRANT), actor=GRACE).changes == ()
    assert Change.objects.count() == 1


def test_a_dry_run_says_what_would_change_and_changes_nothing() -> None:
    applied = edits.save(section="groups", item={"name": "finance"}, actor=GRACE, dry_run=True)
    assert [change.line() for change in applied.changes] == ["+ group finance"]
    assert not Receipt.objects.exists()


def test_a_problem_is_told_at_its_key_and_nothing_is_written() -> None:
    ServerFactory(id="files")
    PrincipalFactory(subject="ada")
    applied = edits.save(section="grants", item={**GRANT, "rate": "often"}, actor=GRACE)
    assert [problem.path for problem in applied.problems] == [("rate",)]
    assert not Grant.objects.exists()


def test_a_warning_about_a_tool_of_the_named_server_reaches_the_editor() -> None:
    ToolFactory(server=ServerFactory(id="files"), name="read", state="unreviewed")
    PrincipalFactory(subject="ada")
    applied = edits.save(section="grants", item=dict(GRANT), actor=GRACE)
    assert [w.what for w in applied.warnings] == ["tool files/read is held"]


def test_a_deny_of_the_members_group_is_seen_to_shadow_a_grant() -> None:
    server, group = ServerFactory(id="files"), GroupFactory(name="g")
    ToolFactory(server=server, name="read")
    PrincipalFactory(subject="ada", groups=[group])
    GrantFactory(key="no", effect="deny", principal=None, group=group, server=server)
    applied = edits.save(section="grants", item=dict(GRANT), actor=GRACE)
    assert [w.what for w in applied.warnings] == ["is shadowed by the deny no (files [*])"]


def test_leaving_a_group_reaches_the_servers_of_its_grants() -> None:
    group = GroupFactory(name="finance")
    grant = GrantFactory(principal=None, group=group)
    ServerFactory()
    ada = PrincipalFactory(subject="ada", groups=[group])
    assert save("principals", subject="ada") == [grant.server_id]
    assert not ada.groups.exists()


def test_tuning_a_level_reaches_the_servers_of_that_level() -> None:
    ServerFactory(id="a")
    ServerFactory(id="b", trust_level=trust_level("unknown"))
    assert save("trust_levels", name="unknown", ceiling="HIGH") == ["b"]


def test_an_identity_provider_reaches_every_server() -> None:
    ServerFactory(id="a")
    ServerFactory(id="b")
    keys: dict[str, Any] = {"keys": []}
    item = {"issuer": "https://idp.example", "audience": "a", "algorithms": ["EdDSA"], "jwks": keys}
    assert save("identity_providers", **item) == ["a", "b"]


def test_removing_a_principal_takes_its_own_grants_along_and_says_so_first() -> None:
    group = GroupFactory(name="finance")
    mine = GrantFactory(principal=PrincipalFactory(subject="ada", groups=[group]))
    theirs = GrantFactory(principal=None, group=group)
    item = {"issuer": "drawbridge", "subject": "ada"}
    would = edits.remove(section="principals", item=item, actor=GRACE, dry_run=True)
    assert [change.noun for change in would.changes] == ["grant", "principal"]
    removed = edits.remove(section="principals", item=item, actor=GRACE)
    assert changed(removed.change_ids) == sorted([mine.server_id, theirs.server_id])
    assert list(Grant.objects.all()) == [theirs]
    assert not Principal.objects.exists()


def test_removing_a_server_retires_it_with_its_grants_and_declared_tools() -> None:
    server = ServerFactory(id="files")
    GrantFactory(server=server)
    ToolFactory(server=server)
    found = ToolFactory(server=server, declared=False)
    removed = edits.remove(section="servers", item={"id": "files"}, actor=GRACE)
    assert changed(removed.change_ids) == ["files"]
    assert Server.objects.get(id="files").retired
    assert not Grant.objects.exists()
    assert list(Tool.objects.all()) == [found]


def test_a_field_that_a_selecting_grant_constrains_is_not_taken_away_and_the_grant_outlives_the_server() -> None:
    server = ServerFactory(id="files", trust_level=trust_level("internal"))
    ToolFactory(server=server, name="read")
    constraint = {"properties": {"path": {"pattern": "^reports/"}}}
    selecting = GrantFactory(server=None, tools=[], trust="internal", constraint=constraint)
    bare: dict[str, Any] = {"server": "files", "name": "read", "risk": "LOW", "input_schema": {"type": "object"}}
    refused = edits.save(section="tools", item=bare, actor=GRACE)
    assert "has no field" in refused.problems[0].what, refused
    edits.remove(section="servers", item={"id": "files"}, actor=GRACE)
    assert list(Grant.objects.all()) == [selecting]


@pytest.mark.parametrize("section", ["trust_levels", "kill_switches"])
def test_levels_and_switches_are_never_removed(section: str) -> None:
    with pytest.raises(InvalidState):
        edits.remove(section=section, item={"name": "internal"}, actor=GRACE)


def test_what_others_stand_on_is_not_removed() -> None:
    provider, group = IdentityProviderFactory(), GroupFactory()
    PrincipalFactory(issuer=provider.issuer)
    GrantFactory(principal=None, group=group, effect="deny")
    with pytest.raises(Conflict):
        edits.remove(section="identity_providers", item={"issuer": provider.issuer}, actor=GRACE)
    with pytest.raises(Conflict):
        edits.remove(section="groups", item={"name": group.name}, actor=GRACE)
    with pytest.raises(InvalidState):
        edits.remove(section="grants", item={"id": "nobody's"}, actor=GRACE)


def test_whoever_may_only_look_changes_nothing() -> None:
    ServerFactory(id="files")
    viewer = Actor("vera", frozenset({Right.VIEW}))
    with pytest.raises(NotAllowed):
        edits.save(section="groups", item={"name": "finance"}, actor=viewer)
    with pytest.raises(NotAllowed):
        edits.save(section="kill_switches", item={"target": "all", "reason": "x"}, actor=viewer)
    with pytest.raises(NotAllowed):
        edits.save(section="groups", item={"name": "finance"}, actor=Actor("nobody"))
    responder = Actor("rita", frozenset({Right.VIEW, Right.RAISE_KILL}))
    assert edits.save(section="kill_switches", item={"target": "all", "reason": "x"}, actor=responder).change_ids


def test_what_would_not_fit_into_a_snapshot_is_refused_at_save_and_removals_never_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server, group = ServerFactory(id="files"), GroupFactory(name="staff")
    for number in range(30):
        PrincipalFactory(subject=f"user-{number}").groups.add(group)
    save("grants", id="one", principal="user-1", server="files", tools=["*"])
    monkeypatch.setattr("controlplane.policy.compile.LARGEST", 2_000)
    edit = {"id": "all", "group": "staff", "server": "files", "tools": ["*"]}
    refused = edits.save(section="grants", item=edit, actor=GRACE)
    said = str(refused.problems[0])
    assert "server files: its policy would have" in said
    assert "30 principals with 31 grants" in said
    assert not Grant.objects.filter(key="all").exists()
    GrantFactory(key="all", group=group, principal=None, server=server)  # it came about in another way
    GrantFactory(key="more", group=group, principal=None, server=server)
    removed = edits.remove(section="grants", item={"id": "more"}, actor=GRACE)
    assert changed(removed.change_ids) == ["files"]
