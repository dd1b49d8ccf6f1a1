"""The matrix: a page of principals beside a page of tools, each cell with its reasons, and Try it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from controlplane.dashboard.matrix import example_of
from controlplane.grants import matrix as pages
from controlplane.grants.matrix import matrix_of
from controlplane.incidents.services import quarantine, raise_kill
from controlplane.inventory.models import Server, Tool
from controlplane.principals.models import Principal
from tests.controlplane.actors import ADA
from tests.controlplane.browsing import VIEWER, signed_in, text
from tests.controlplane.factories import GrantFactory, GroupFactory, PrincipalFactory, ServerFactory, ToolFactory

pytestmark = pytest.mark.django_db
_NAMES = st.sampled_from(["properties", "type", "a"])
SCHEMAS = st.recursive(
    st.none() | st.booleans() | st.text(max_size=5), lambda value: st.lists(value) | st.dictionaries(_NAMES, value)
)
REPORTS = {"properties": {"path": {"pattern": "^reports/"}}}


@pytest.fixture
def files() -> Server:
    server = ServerFactory(id="files")
    for name, risk in (("fs_delete", "CRITICAL"), ("fs_read", "LOW"), ("fs_write", "HIGH")):
        ToolFactory(server=server, name=name, risk=risk)
    finance = GroupFactory(name="finance")
    alice, bob = PrincipalFactory(subject="alice", groups=[finance]), PrincipalFactory(subject="bob")
    PrincipalFactory(subject="carol")
    GrantFactory(key="shared", principal=None, group=finance, server=server, tools=["fs_read"], constraint=REPORTS)
    GrantFactory(key="own", principal=alice, server=server, tools=["fs_write"], reason="nightly run", ticket="OPS-7")
    GrantFactory(key="bobs", principal=bob, server=server, tools=["fs_*"], max_risk="HIGH", rate="10/minute")
    GrantFactory(key="no", principal=bob, server=server, tools=["fs_write"], effect="deny")
    assert isinstance(server, Server)
    return server


def words(server: Server, **filters: Any) -> dict[str, list[str]]:
    return {line.principal.subject: [cell.word for cell in line.cells] for line in matrix_of(server, **filters).lines}


def cell(server: Server, who: str, tool: str) -> str:
    return f"/matrix/{server.id}/?principal={Principal.objects.get(subject=who).pk}&call={tool}"


def test_each_cell_says_what_a_gate_would(files: Server) -> None:
    assert words(files) == {"alice": ["—", "allow", "approval"], "bob": ["approval", "allow", "denied"]}


def test_what_is_stopped_or_held_says_how(files: Server) -> None:
    raise_kill(target="tool:files/fs_write", reason="test", actor=ADA)
    quarantine(target="principal:bob", reason="test", actor=ADA)
    Tool.objects.filter(name="fs_read").update(state="changed")
    assert words(files) == {"alice": ["—", "changed", "killed"], "bob": ["quarantine", "quarantine", "quarantine"]}


def test_the_list_narrows_by_principal_and_tool(files: Server) -> None:
    assert words(files, who="lic", what="read") == {"alice": ["allow"]}
    assert words(files, who="nobody") == {}


def test_both_sides_page_by_their_last_one(files: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "ROWS", 1)
    monkeypatch.setattr(pages, "COLUMNS", 2)
    first = matrix_of(files)
    assert ([line.principal.subject for line in first.lines], first.next_tool) == (["alice"], "fs_read")
    last = matrix_of(files, after_principal=first.next_principal, after_tool=first.next_tool or "")
    assert ([line.principal.subject for line in last.lines], [t.name for t in last.tools]) == (["bob"], ["fs_write"])
    assert (last.next_principal, last.next_tool) == (None, None)


def test_a_cell_explains_itself_and_leads_to_its_grants(files: Server) -> None:
    browser = signed_in(VIEWER)
    shown = text(browser.get(cell(files, "alice", "fs_read")))
    for said in ("Why alice may call files/fs_read", "Everybody in finance may call", "through group finance", "LOW"):
        assert said in shown, said
    shown = text(browser.get(cell(files, "alice", "fs_write")))
    for said in ("alice needs an approval to call", "OPS-7, nightly run", "the ceiling of internal is HIGH"):
        assert said in shown, said
    assert "must not call fs_write" in text(browser.get(cell(files, "bob", "fs_write")))
    assert "none speaks of it" in text(browser.get(cell(files, "alice", "fs_delete")))


def test_try_it_shows_every_step(files: Server) -> None:
    browser = signed_in(VIEWER)
    at = cell(files, "alice", "fs_read")
    assert "&quot;path&quot;: &quot;&quot;" in browser.get(at).content.decode()
    Server.objects.filter(pk="files").update(workspace="/srv/files")
    shown = text(browser.post(at, {"arguments": '{"path": "reports/../payroll.csv"}'}))
    for said in ("deny DENY_ARGUMENT_CONSTRAINT", "paths ✓ /path is payroll.csv", "constraint ✗", "rate not reached"):
        assert said in shown, said
    assert "allow ALLOW_POLICY_MATCH" in text(browser.post(at, {"arguments": '{"path": "reports/a"}'}))
    assert "DENY_MALFORMED_REQUEST" in text(browser.post(at, {"arguments": '{"path": 1, "path": 2}'}))


def test_arguments_are_never_in_an_address_and_a_stranger_s_form_is_refused(files: Server) -> None:
    at = cell(files, "alice", "fs_read")
    browser = signed_in(VIEWER)
    assert '<form method="post" action="#cell">' in browser.get(at).content.decode()
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = browser.cookies
    assert strict.post(at, {"arguments": "{}"}).status_code == 403


@pytest.mark.parametrize(
    "address",
    [
        "files/?principal=1",
        "files/?call=fs_read",
        "files/?principal=x&call=fs_read",
        "moon/",
        "files/?principal=999999&call=fs_read",
    ],
)
def test_what_is_not_there_is_a_404(files: Server, address: str) -> None:
    assert signed_in(VIEWER).get(f"/matrix/{address}").status_code == 404


def test_an_empty_matrix_says_what_to_do_next(db: None) -> None:
    browser = signed_in(VIEWER)
    assert "Add a server" in text(browser.get("/matrix/"))
    server = ServerFactory(id="bare")
    assert "no tools yet" in text(browser.get("/matrix/bare/"))
    ToolFactory(server=server, name="one")
    assert "Nobody has a grant on this server" in text(browser.get("/matrix/bare/"))
    assert "bare" in text(browser.get("/matrix/"))


def test_a_full_page_asks_as_many_queries_as_an_empty_one(
    files: Server, django_assert_max_num_queries: Callable[[int], AbstractContextManager[object]]
) -> None:
    group = GroupFactory(name="everybody")
    GrantFactory(principal=None, group=group, server=files, tools=["*"])
    for number in range(pages.ROWS):
        PrincipalFactory(subject=f"agent-{number:02}", groups=[group])
    for number in range(pages.COLUMNS):
        ToolFactory(server=files, name=f"tool_{number:02}")
    browser = signed_in(VIEWER)
    with django_assert_max_num_queries(40):
        shown = browser.get(cell(files, "agent-00", "tool_00"))
    assert shown.content.decode().count('#cell" class="badge good"') > 200


def test_servers_page_by_their_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controlplane.dashboard.matrix.SERVERS", 1)
    ServerFactory(id="a-one"), ServerFactory(id="b-two")
    browser = signed_in(VIEWER)
    assert "?what=&amp;after=a-one" in browser.get("/matrix/").content.decode()
    assert "b-two" in text(browser.get("/matrix/?after=a-one"))


@given(SCHEMAS)
def test_an_example_is_made_of_any_schema(schema: Any) -> None:
    assert isinstance(example_of(schema if isinstance(schema, dict) else {}), dict)
