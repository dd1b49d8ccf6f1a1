"""Who can call what, on the pages of principals and tools."""

import pytest

from controlplane.common.actor import Right
from controlplane.grants import effective
from controlplane.grants.effective import Reach, reach_of_principal, reach_of_tool
from controlplane.incidents.services import raise_kill
from controlplane.inventory.models import Server, Tool
from controlplane.principals.models import Principal
from tests.controlplane.actors import ADA
from tests.controlplane.api.asking import asker
from tests.controlplane.browsing import VIEWER, signed_in, text
from tests.controlplane.factories import GrantFactory, GroupFactory, PrincipalFactory, ServerFactory, ToolFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def files() -> Server:
    server = ServerFactory(id="files")
    for name, risk in (("fs_read", "LOW"), ("fs_write", "HIGH"), ("other", "LOW")):
        ToolFactory(server=server, name=name, risk=risk)
    assert isinstance(server, Server)
    return server


@pytest.fixture
def alice() -> Principal:
    made = PrincipalFactory(subject="alice", groups=[GroupFactory(name="finance")])
    assert isinstance(made, Principal)
    return made


def words(reach: Reach) -> list[tuple[str, str, str, list[str]]]:
    return [
        (row.access.subject, row.access.tool, row.word, [f"{t.grant.key} {t.group}".strip() for t in row.through])
        for row in reach.rows
    ]


def test_a_principal_reaches_tools_by_their_own_grants_and_their_groups(files: Server, alice: Principal) -> None:
    GrantFactory(key="own", principal=alice, server=files, tools=["fs_*"])
    GrantFactory(key="shared", principal=None, group=alice.groups.get(), server=files, tools=["fs_read"])
    assert words(reach_of_principal(alice)) == [
        ("alice", "fs_read", "may call", ["own", "shared finance"]),
        ("alice", "fs_write", "needs approval", ["own"]),
    ]


def test_a_deny_and_a_kill_are_named(files: Server, alice: Principal) -> None:
    GrantFactory(key="own", principal=alice, server=files, tools=["*"], max_risk="HIGH")
    GrantFactory(key="no", principal=None, group=alice.groups.get(), server=files, tools=["fs_write"], effect="deny")
    raise_kill(target="tool:files/other", reason="test", actor=ADA)
    assert words(reach_of_principal(alice)) == [
        ("alice", "fs_read", "may call", ["own"]),
        ("alice", "fs_write", "refused", ["no finance"]),
        ("alice", "other", "refused", []),
    ]


def test_a_selector_reaches_every_server_of_its_level(files: Server, alice: Principal) -> None:
    ToolFactory(server=ServerFactory(id="more"), name="read")
    GrantFactory(key="sel", principal=alice, server=None, tools=[], trust="internal", risk="LOW")
    found = [(row.tool.server_id, row.access.tool) for row in reach_of_principal(alice).rows]
    assert found == [("files", "fs_read"), ("files", "other"), ("more", "read")]


def test_a_tool_names_everybody_who_reaches_it(files: Server, alice: Principal) -> None:
    GrantFactory(key="shared", principal=None, group=alice.groups.get(), server=files, tools=["fs_read"])
    GrantFactory(
        key="bob", principal=PrincipalFactory(subject="bob"), server=files, tools=["*"], constraint={"minProperties": 1}
    )
    found = reach_of_tool(Tool.objects.get(name="fs_read"))
    assert words(found) == [
        ("alice", "fs_read", "may call", ["shared finance"]),
        ("bob", "fs_read", "may call", ["bob"]),
    ]
    assert found.rows[1].conditions == "only with arguments that the constraint allows"


def test_more_than_can_be_shown_is_counted(files: Server, alice: Principal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effective, "SHOWN", 1)
    monkeypatch.setattr(effective, "TOOLS", 2)
    GrantFactory(key="own", principal=alice, server=files, tools=["*"])
    found = reach_of_principal(alice)
    assert (len(found.rows), found.more, found.whole) == (1, 1, False)


def test_the_pages_say_who_can_call_what_and_why(files: Server, alice: Principal) -> None:
    grant = GrantFactory(key="own", principal=alice, server=files, tools=["fs_*"])
    browser = signed_in(VIEWER)
    page = text(browser.get(f"/admin/principals/principal/{alice.pk}/change/"))
    for said in ("What it can call", "files/fs_read", "may call", "files/fs_write", "needs approval", "by own"):
        assert said in page, said
    tool = Tool.objects.get(name="fs_read")
    page = text(browser.get(f"/admin/inventory/tool/{tool.pk}/change/"))
    for said in ("Who can call it", "alice", "may call", f"by {grant.key}"):
        assert said in page, said
    other = Tool.objects.get(name="other")
    assert "Nobody: no grant speaks of it" in text(browser.get(f"/admin/inventory/tool/{other.pk}/change/"))


def test_the_api_says_it_too(files: Server, alice: Principal) -> None:
    GrantFactory(key="shared", principal=None, group=alice.groups.get(), server=files, tools=["fs_*"])
    said = asker(Right.VIEW).get("/principal-access/alice").json()
    assert (said["more"], said["whole"]) == (0, True)
    assert said["rows"][1] == {
        "principal": "alice", "issuer": "drawbridge", "server": "files", "tool": "fs_write", "risk": "HIGH",
        "verdict": "approval", "reason_code": None, "conditions": "", "grants": ["shared"], "through": ["finance"],
    }  # fmt: skip
    assert [row["principal"] for row in asker(Right.VIEW).get("/tool-access/files/fs_read").json()["rows"]] == ["alice"]
    assert asker(Right.VIEW).get("/tool-access/files/nothing").status_code == 404


def test_rows_that_no_gate_would_load_are_said_and_break_no_page(files: Server, alice: Principal) -> None:
    GrantFactory(key="own", principal=alice, server=files, tools=["*"])
    Server.objects.filter(pk="files").update(rate="often")
    tool = Tool.objects.get(name="fs_read")
    assert "often" in reach_of_tool(tool).problem
    assert "often" in reach_of_principal(alice).problem
    browser = signed_in(VIEWER)
    for url in (f"/admin/principals/principal/{alice.pk}/change/", f"/admin/inventory/tool/{tool.pk}/change/"):
        assert "no gate would load that" in text(browser.get(url))
