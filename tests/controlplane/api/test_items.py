"""Objects of the policy over the API: bodies are items, refusals name their place, answers say what changed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from controlplane.common.actor import Right
from controlplane.grants.models import Grant
from controlplane.inventory.models import Server, Tool, TrustLevel
from controlplane.policy.models import Change, Proposal
from controlplane.principals.models import Principal
from controlplane.receipts.models import Receipt
from enforcer.contract.strict_json import parse_object
from tests.controlplane.api.asking import asker, done, problem
from tests.controlplane.factories import (
    GrantFactory,
    GroupFactory,
    IdentityProviderFactory,
    PrincipalFactory,
    ServerFactory,
    ToolFactory,
)

pytestmark = pytest.mark.django_db
SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
PROVIDER = {"issuer": "https://idp.example/a", "audience": "x", "algorithms": ["EdDSA"], "jwks": {"keys": []}}
CASES = [  # list, the item, the object's address, what a PUT changes
    ("servers", {"id": "new", "trust_level": "internal"}, "servers/new", {"title": "New"}),
    ("tools", {"server": "files", "name": "a/b c", "risk": "LOW", "input_schema": SCHEMA}, "tools/files/a%2Fb%20c",
     {"risk": "HIGH"}),
    ("groups", {"name": "a/b"}, "groups/a%2Fb", {}),
    ("principals", {"subject": "bob/x", "issuer": "drawbridge"}, "principals/bob%2Fx?issuer=drawbridge",
     {"actor_type": "agent"}),
    ("identity-providers", PROVIDER, "identity-providers/https%3A%2F%2Fidp.example%2Fa", {"audience": "y"}),
    ("vault-backends", {"name": "bao", "kind": "env"}, "vault-backends/bao", {"kind": "file", "mount": "/run/secrets"}),
    ("risk-patterns", {"pattern": "a/b c", "risk": "HIGH", "where": "name"}, "risk-patterns/name/a%2Fb%20c",
     {"risk": "CRITICAL"}),
    ("grants", {"id": "one", "principal": "ada", "issuer": "drawbridge", "server": "files", "tools": ["*"]},
     "grants/one", {"max_risk": "HIGH"}),
]  # fmt: skip


@pytest.fixture(autouse=True)
def _world() -> None:
    """ada, and the server files."""
    ServerFactory(id="files")
    PrincipalFactory(subject="ada")


@pytest.mark.parametrize(("path", "item", "place", "other"), CASES, ids=[case[0] for case in CASES])
def test_an_item_is_created_read_replaced_and_removed(path: str, item: Any, place: str, other: Any) -> None:
    who = asker()
    made = who.post(f"/{path}?reason=because", item)
    assert made.headers["Location"] == f"/api/v1/{place}"
    saved = done(made, 201)
    assert saved["changes"][-1].startswith("+ ")
    assert done(who.get(f"/{place}")) == item
    assert item in done(who.get(f"/{path}"))["results"]
    changed = done(who.put(f"/{place}", {**item, **other}))
    assert bool(changed["changes"]) == bool(other)
    assert done(who.get(f"/{place}")) == {**item, **other}
    gone = done(who.delete(f"/{place}"))
    assert gone["changes"][-1].startswith("- ")
    assert problem(who.get(f"/{place}"))["status"] == 404
    details: list[Any] = [parse_object(bytes(row.line))["detail"] for row in Receipt.objects.order_by("sequence")]
    assert "because" in [detail.get("reason") for detail in details]


def test_a_level_is_tuned_and_never_created_or_removed() -> None:
    who = asker()
    assert len(done(who.get("/trust-levels"))["results"]) == 4
    done(who.put("/trust-levels/unknown", {"name": "unknown", "ceiling": "HIGH"}))
    assert TrustLevel.objects.get(name="unknown").ceiling == "HIGH"
    assert done(who.get("/trust-levels/unknown")) == {"name": "unknown", "ceiling": "HIGH"}
    assert problem(who.post("/trust-levels", {"name": "new"}))["status"] == 405
    assert problem(who.delete("/trust-levels/unknown"))["status"] == 405


@pytest.mark.parametrize(("path", "item", "place", "_other"), CASES, ids=[case[0] for case in CASES])
def test_creating_what_is_there_is_409_and_replacing_what_is_not_404(
    path: str, item: Any, place: str, _other: Any
) -> None:
    who = asker()
    assert problem(who.put(f"/{place}", item))["status"] == 404
    done(who.post(f"/{path}", item), 201)
    changes = Change.objects.count()
    assert problem(who.post(f"/{path}", item))["status"] == 409
    assert Change.objects.count() == changes


def test_a_refused_creation_leaves_nothing_of_what_it_would_have_changed() -> None:
    PrincipalFactory(subject="bob")
    body = {"subject": "bob", "issuer": "drawbridge", "groups": ["new"]}
    assert problem(asker().post("/principals", body))["status"] == 409
    assert not Principal.objects.get(subject="bob").groups.exists()


def test_problems_name_their_place_in_the_item() -> None:
    body = {"principal": "nobody", "server": "files", "tools": ["a", 5], "rate": "often", "nonsense": 1}
    said = problem(asker().post("/grants", body))
    assert said["status"] == 422
    assert {error["pointer"] for error in said["errors"]} == {"/principal", "/tools/1", "/rate", "/nonsense"}
    assert not Grant.objects.exists()


@pytest.mark.parametrize(("pointer", "body"), [
    ("/limits/nonsense", {"limits": {"nonsense": 1}}),
    ("/sandbox/nonsense", {"sandbox": {"nonsense": 1}}),
    ("/credential/nonsense", {"credential": {"mode": "none", "nonsense": 1}}),
    ("/allow/nonsense", {"allow": {"nonsense": True}}),
])  # fmt: skip
def test_unknown_fields_are_refused_at_every_level(pointer: str, body: dict[str, Any]) -> None:
    said = problem(asker().post("/servers", {"id": "new", "trust_level": "internal", **body}))
    assert [error["pointer"] for error in said["errors"]] == [pointer]


@pytest.mark.parametrize("body", [[], "x", 5, b"null"])
def test_what_is_no_item_is_refused(body: Any) -> None:
    assert problem(asker().post("/grants", body))["status"] == 422
    GrantFactory(key="one")
    assert problem(asker().put("/grants/one", body))["status"] == 422


def test_a_dry_run_says_what_would_change_and_changes_nothing() -> None:
    who = asker(Right.VIEW, Right.EDIT_POLICY)
    ToolFactory(server=Server.objects.get(), name="read", state="unreviewed")
    body = {"principal": "ada", "server": "files", "tools": ["*"]}
    would = done(who.post("/grants?dry_run=true", body))
    assert would["changes"][0].startswith("+ grant g-")
    assert would["warnings"] == [
        {"pointer": "", "detail": "tool files/read is held", "right": would["warnings"][0]["right"]}
    ]
    assert would["change_ids"] == []
    done(who.delete("/servers/files?dry_run=true"))
    assert not Grant.objects.exists()
    assert not Server.objects.get().retired
    assert not Change.objects.exists()


def test_a_grant_without_id_is_found_under_the_one_that_its_content_gives() -> None:
    who = asker()
    made = who.post("/grants", {"principal": "ada", "server": "files", "tools": ["*"]})
    done(made, 201)
    item = done(who.get(made.headers["Location"].removeprefix("/api/v1")))
    assert item["id"] == Grant.objects.get().key
    done(who.put(f"/grants/{item['id']}", {**item, "ticket": "OPS-1"}))
    assert Grant.objects.get().ticket == "OPS-1"


@pytest.mark.parametrize("body", [None, {}, {"title": "x"}])
def test_a_body_that_names_nothing_replaces_nothing(body: Any) -> None:
    assert problem(asker().put("/servers/files", body))["status"] == 422
    assert problem(asker().put("/trust-levels/internal", body))["status"] == 422
    assert not Change.objects.exists()


def test_another_name_in_the_body_than_in_the_address_is_refused_and_an_optional_one_is_filled_in() -> None:
    who = asker()
    said = problem(who.put("/servers/files", {"id": "mail", "trust_level": "internal"}))
    assert [error["pointer"] for error in said["errors"]] == ["/id"]
    done(who.put("/principals/ada", {"subject": "ada", "actor_type": "agent"}))
    assert Principal.objects.get().actor_type == "agent"
    GrantFactory(key="one", principal=Principal.objects.get(), server=Server.objects.get())
    done(who.put("/grants/one", {"principal": "ada", "server": "files", "tools": ["a"]}))
    assert Grant.objects.get().tools == ["a"]


def test_a_subject_of_several_issuers_is_named_with_its_issuer() -> None:
    other = IdentityProviderFactory(issuer="https://idp.example")
    PrincipalFactory(subject="ada", issuer=other.issuer)
    assert problem(asker().get("/principals/ada"))["status"] == 409
    assert done(asker().get("/principals/ada?issuer=https://idp.example"))["issuer"] == other.issuer


def test_whoever_may_only_propose_gets_a_proposal() -> None:
    author = asker(Right.VIEW, Right.PROPOSE, name="author")
    body = {"id": "one", "principal": "ada", "server": "files", "tools": ["*"]}
    opened = done(author.post("/grants?reason=needed", body), 202)["proposal"]
    row = Proposal.objects.get()
    assert (opened["id"], row.section, row.item, row.reason, row.proposed_by) == (
        row.pk, "grants", body, "needed", "token:author",
    )  # fmt: skip
    assert not Grant.objects.exists()
    assert done(author.post("/grants?dry_run=true", body))["changes"]
    assert problem(author.post("/grants", {**body, "rate": "often"}))["errors"][0]["pointer"] == "/rate"
    GrantFactory(key="two")
    assert done(author.delete("/grants/two"), 202)["proposal"]["removal"] is True
    assert problem(author.post("/vault-backends", {"name": "a", "kind": "env"}))["status"] == 403


def test_what_others_stand_on_is_not_removed() -> None:
    group = GroupFactory(name="g")
    GrantFactory(principal=None, group=group)
    assert problem(asker().delete("/groups/g"))["status"] == 409


def test_reading_needs_the_right_to_look_and_writing_its_own() -> None:
    assert problem(asker(Right.EDIT_POLICY).get("/grants"))["code"] == "view"
    assert problem(asker(Right.VIEW).post("/grants", {}))["code"] == "edit_policy"
    assert problem(asker(Right.EDIT_POLICY).post("/vault-backends", {}))["code"] == "edit_credentials"


def test_every_tool_is_told_of_with_its_state() -> None:
    ToolFactory(server=Server.objects.get(), name="a")
    ToolFactory(server=Server.objects.get(), name="b", declared=False, state="unreviewed")
    assert [tool["name"] for tool in done(asker().get("/tools"))["results"]] == ["a"]
    held = done(asker().get("/tool-states?state=unreviewed"))["results"]
    assert [(row["name"], row["declared"]) for row in held] == [("b", False)]


@pytest.mark.parametrize("query", ["principal=ada", "group=", "server=files", "effect=allow", "ticket=OPS-1"])
def test_grants_are_filtered(query: str) -> None:
    mine = GrantFactory(principal=Principal.objects.get(), server=Server.objects.get(), ticket="OPS-1")
    GrantFactory(effect="deny", principal=None, group=GroupFactory())
    if query.endswith("="):
        assert problem(asker().get(f"/grants?{query}"))["status"] == 400
    else:
        assert [item["id"] for item in done(asker().get(f"/grants?{query}"))["results"]] == [mine.key]


@pytest.mark.parametrize("path", ["grants", "tools", "principals", "servers", "groups", "tool-states"])
def test_a_page_costs_the_same_whatever_it_holds(path: str) -> None:
    who = asker()
    who.get(f"/{path}")
    with queries() as few:
        done(who.get(f"/{path}"))
    GrantFactory.create_batch(20)
    ToolFactory.create_batch(20)
    PrincipalFactory.create_batch(20, groups=[GroupFactory(), GroupFactory()])
    with queries() as many:
        assert len(done(who.get(f"/{path}"))["results"]) > 1
    assert len(many) <= max(len(few), 14), [query["sql"] for query in many.captured_queries]


@contextmanager
def queries() -> Iterator[CaptureQueriesContext]:
    with CaptureQueriesContext(connection) as captured:
        yield captured


def test_hostile_text_passes_as_data() -> None:
    hostile = "<img src=x onerror=alert(1)>"
    who = asker()
    done(who.post("/servers", {"id": "odd", "trust_level": "unknown", "title": hostile}), 201)
    assert done(who.get("/servers/odd"))["title"] == hostile
    Tool.objects.create(server_id="odd", name="a\u202eb", risk="LOW", input_schema={}, declared=True)
    answer = who.get("/tools?server=odd")
    assert answer.content.isascii()
    assert done(answer)["results"][0]["name"] == "a\u202eb"
