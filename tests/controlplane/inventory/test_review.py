"""Reviews: the services, the command, and the pages of the web admin."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from controlplane.common.actor import Actor, Right
from controlplane.common.errors import InvalidState, NotAllowed
from controlplane.inventory.definition import mark
from controlplane.inventory.models import Server, Tool
from controlplane.inventory.review import end_tool_quarantine, quarantine_tool, review_tool, review_tools
from controlplane.inventory.services import write_tool
from controlplane.inventory.specs import ToolSpec
from controlplane.policy.models import Change, ChangedServer, Published
from controlplane.receipts.models import Receipt
from enforcer.contract.levels import Risk
from enforcer.contract.strict_json import JsonObject, parse_object
from tests.controlplane.actors import ADA
from tests.controlplane.browsing import AUTHOR, OWNER, VIEWER, signed_in, text
from tests.controlplane.commands import run
from tests.controlplane.factories import GrantFactory, ServerFactory, ToolFactory
from tests.controlplane.running import RunningPublisher
from tests.controlplane.valkeys import Valkey
from tests.support.processes import wait_for

pytestmark = pytest.mark.django_db
TOOLS = "/admin/inventory/tool/"
PIN = "sha256:" + "0" * 64
NOTHING = "nothing in its name says what it does"
UNFIT: JsonObject = {"$ref": "https://evil.example/schema"}


@pytest.fixture
def files() -> Server:
    """The server of these tests."""
    server = ServerFactory(id="files")
    assert isinstance(server, Server)
    return server


def waiting(server: Server, name: str = "fs_read", **values: Any) -> Tool:
    found: dict[str, Any] = {"declared": False, "state": "unreviewed", "pin": PIN}
    tool = ToolFactory(**found | {"server": server, "name": name} | values)
    assert isinstance(tool, Tool)
    return tool


def approve(*tools: Tool, seen: str = "") -> int | None:
    keys = [(tool.server_id, tool.name) for tool in tools]
    return review_tools(keys=keys, seen=seen or mark(sorted(tools, key=str)), actor=ADA, reason="looks right").change_id


def test_an_approved_tool_can_be_called_and_the_act_is_told_everywhere(files: Server) -> None:
    tool = waiting(files)
    change_id = approve(tool)
    tool.refresh_from_db()
    assert (tool.state, tool.declared, tool.pin) == ("reviewed", False, PIN)
    assert list(ChangedServer.objects.filter(change_id=change_id).values_list("server_id", flat=True)) == ["files"]
    assert (Change.objects.get().actor, Change.objects.get().reason) == ("ada", "looks right")
    receipt = parse_object(bytes(Receipt.objects.get().line))
    assert (receipt["action"], receipt["detail"]) == (
        "tool.review", {"tools": ["files/fs_read"], "tool_count": 1, "reason": "looks right"},
    )  # fmt: skip
    past = tool.history.first()
    assert (past.history_user_id, past.history_change_reason, past.state) == ("ada", "looks right", "reviewed")


def test_a_tool_that_was_never_seen_whole_counts_as_declared_once_it_is_approved(files: Server) -> None:
    tool = waiting(files, pin="")
    approve(tool)
    tool.refresh_from_db()
    assert (tool.state, tool.declared) == ("reviewed", True)


def test_approving_a_changed_tool_forgets_the_pin_of_what_it_was(files: Server) -> None:
    tool = waiting(files, state="changed")
    approve(tool)
    tool.refresh_from_db()
    assert (tool.state, tool.pin, tool.declared) == ("reviewed", "", True)


def test_what_changed_since_it_was_looked_at_is_not_approved(files: Server) -> None:
    tool, other = waiting(files), waiting(files, "other")
    seen = mark([tool, other])
    spec = ToolSpec(server_id="files", name="fs_read", risk=Risk.LOW, input_schema={"type": "object"})
    write_tool(spec)
    Tool.objects.filter(pk=tool.pk).update(state="unreviewed")
    with pytest.raises(InvalidState, match="look again"):
        approve(tool, other, seen=seen)
    assert set(Tool.objects.values_list("state", flat=True)) == {"unreviewed"}
    assert not Change.objects.exists()


def test_a_tool_whose_arguments_no_gate_could_check_is_not_approved(files: Server) -> None:
    tool, other = waiting(files, input_schema=UNFIT), waiting(files, "other")
    with pytest.raises(InvalidState, match="can't be approved"):
        approve(tool, other)
    assert set(Tool.objects.values_list("state", flat=True)) == {"unreviewed"}


def test_a_review_that_no_snapshot_could_hold_approves_nothing(files: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controlplane.policy.compile.LARGEST", 500)
    tool = waiting(files)
    with pytest.raises(InvalidState, match="bytes signed, 500 are allowed"):
        approve(tool)
    tool.refresh_from_db()
    assert (tool.state, Change.objects.count()) == ("unreviewed", 0)


def test_approving_what_is_approved_changes_nothing(files: Server) -> None:
    assert approve(ToolFactory(server=files)) is None
    assert not Receipt.objects.exists()


def test_nobody_approves_what_is_not_there(files: Server) -> None:
    with pytest.raises(InvalidState, match="no tool 'files/gone'"):
        review_tool(server_id="files", name="gone", seen="x", actor=ADA)


def test_a_quarantine_holds_until_it_is_ended_and_then_it_waits(files: Server) -> None:
    tool = ToolFactory(server=files, name="fs_read")
    assert quarantine_tool(server_id="files", name="fs_read", actor=ADA, reason="odd").change_id
    assert quarantine_tool(server_id="files", name="fs_read", actor=ADA, reason="odd").change_id is None
    tool.refresh_from_db()
    assert tool.state == "quarantined"
    assert end_tool_quarantine(server_id="files", name="fs_read", actor=ADA, reason="fine").change_id
    assert end_tool_quarantine(server_id="files", name="fs_read", actor=ADA, reason="fine").change_id is None
    tool.refresh_from_db()
    assert tool.state == "unreviewed"
    receipts = [parse_object(bytes(row.line)) for row in Receipt.objects.order_by("sequence")]
    assert [receipt["action"] for receipt in receipts] == ["tool.quarantine", "tool.end_quarantine"]


def test_only_an_editor_reviews(files: Server) -> None:
    tool, nobody = waiting(files), Actor("paul", frozenset({Right.VIEW, Right.PROPOSE, Right.RAISE_KILL}))
    with pytest.raises(NotAllowed):
        review_tool(server_id="files", name=tool.name, seen=mark([tool]), actor=nobody)
    with pytest.raises(NotAllowed):
        quarantine_tool(server_id="files", name=tool.name, actor=nobody)


@pytest.mark.django_db(transaction=True)
def test_the_command_lists_what_waits_with_risk_reason_and_arguments(files: Server) -> None:
    waiting(files, "fs_delete", risk="LOW")
    waiting(files, "fs_\x1b[31mred\u202e", state="changed", input_schema={"properties": {"data": {"type": "string"}}})
    ToolFactory(server=files, name="known")
    ToolFactory(server=files, name="odd", state="quarantined")
    ended = run("review", "files")
    assert ended.code == 0
    assert ended.out.splitlines() == [
        "fs_⟨U+001B⟩[31mred⟨U+202E⟩  changed  not seen live  LOW, proposed MEDIUM: " + NOTHING + "  takes data?",
        "fs_delete  unreviewed  not seen live  LOW, proposed HIGH: its name says 'delete'  takes path  /path unchecked",
    ]
    assert "left in quarantine: odd" in ended.err
    assert not Change.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_command_says_when_nothing_waits(files: Server) -> None:
    ended = run("review", "files", "--approve-all")
    assert (ended.code, ended.out) == (0, "nothing waits\n")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("words", [["gone"], ["files", "--wait", "1"]])
def test_wrong_use_of_the_command_ends_with_2(files: Server, words: list[str]) -> None:
    ended = run("review", *words)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("command line:1: ")


@pytest.fixture
def publisher(valkey: Valkey) -> Iterator[RunningPublisher]:
    """Running, with the server `files`."""
    ServerFactory(id="files")
    with RunningPublisher() as running:
        wait_for(lambda: Published.objects.exclude(lease="").count() == 1, "a lease")
        yield running


@pytest.mark.django_db(transaction=True)
def test_the_command_approves_all_and_returns_when_that_is_published(publisher: RunningPublisher) -> None:
    server = Server.objects.get()
    waiting(server, "a")
    waiting(server, "b", state="changed")
    odd = waiting(server, "odd", state="quarantined")
    ended = run("review", "files", "--approve-all", "--wait", "5")
    assert (ended.code, ended.out) == (0, "approved files/a\napproved files/b\n")
    part = ChangedServer.objects.select_related("document").get(change__reason="", change__actor__startswith="os:")
    assert part.document is not None
    odd.refresh_from_db()
    assert odd.state == "quarantined"


@pytest.mark.django_db(transaction=True)
def test_the_command_approves_what_it_can_and_says_what_it_can_not(publisher: RunningPublisher) -> None:
    server = Server.objects.get()
    waiting(server, "bad", input_schema=UNFIT)
    waiting(server, "good")
    ended = run("review", "files", "--approve-all")
    assert ended.code != 0
    assert ended.out == "approved files/good\n"
    assert "not approved: bad: " in ended.err
    assert Tool.objects.get(name="bad").state == "unreviewed"


@pytest.mark.django_db(transaction=True)
def test_without_a_publisher_the_command_ends_with_3(files: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controlplane.inventory.management.commands.review.PUBLISH_TIMEOUT_S", 0.05)
    waiting(files)
    ended = run("review", "files", "--approve-all")
    assert ended.code == 3
    assert "saved, but not published" in ended.err


def fill(client: Client, url: str, **given: str) -> Any:
    """Send the form of a review page as a browser would, with the mark that it showed."""
    asked = client.get(url)
    assert asked.status_code == 200
    return client.post(url, {"seen": asked.context["form"]["seen"].value(), **given}, follow=True)


def test_a_review_page_shows_the_definition_and_approves_it(files: Server) -> None:
    tool = waiting(files, "fs_delete", risk="LOW")
    owner, url = signed_in(OWNER), f"{TOOLS}review/?tool={tool.pk}"
    said = text(owner.get(url))
    assert "nobody reviewed it: no call passes" in said
    assert "below what is proposed: HIGH, its name says 'delete'" in said
    assert "unchecked: the server has no workspace" in said
    assert '"path": {' in said
    assert "Approved files/fs_delete" in text(fill(owner, url, reason="looked at it"))
    tool.refresh_from_db()
    assert tool.state == "reviewed"


def test_everything_that_waits_on_a_server_is_approved_in_one_act(files: Server) -> None:
    waiting(files, "a")
    waiting(files, "b", state="changed")
    odd = waiting(files, "odd", state="quarantined")
    owner = signed_in(OWNER)
    assert "Review what waits" in text(owner.get("/admin/inventory/server/files/change/"))
    assert "Approved 2 tools" in text(fill(owner, f"{TOOLS}review/?server=files"))
    odd.refresh_from_db()
    assert odd.state == "quarantined"
    assert Change.objects.count() == 1


def test_a_review_of_many_goes_in_steps(files: Server) -> None:
    for number in range(60):
        waiting(files, f"t{number:02}")
    owner, url = signed_in(OWNER), f"{TOOLS}review/?server=files"
    assert "10 more wait on this server" in text(owner.get(url))
    fill(owner, url)
    assert Tool.objects.filter(state="unreviewed").count() == 10


def test_the_selected_tools_of_the_list_are_reviewed(files: Server) -> None:
    tools = [waiting(files, "a"), waiting(files, "b"), waiting(files, "c")]
    owner = signed_in(OWNER)
    chosen = {"action": "review_selected", "_selected_action": [tools[0].pk, tools[2].pk]}
    asked = owner.post(TOOLS, chosen)
    fill(owner, asked.headers["Location"])
    assert list(Tool.objects.order_by("name").values_list("state", flat=True)) == ["reviewed", "unreviewed", "reviewed"]


def test_a_page_that_is_out_of_date_approves_nothing(files: Server) -> None:
    tool = waiting(files)
    owner, url = signed_in(OWNER), f"{TOOLS}review/?tool={tool.pk}"
    seen = owner.get(url).context["form"]["seen"].value()
    Tool.objects.filter(pk=tool.pk).update(input_schema={"type": "object", "properties": {"cmd": {}}})
    assert "look again" in text(owner.post(url, {"seen": seen}))
    tool.refresh_from_db()
    assert tool.state == "unreviewed"


def test_a_tool_is_quarantined_and_let_go_on_its_page(files: Server) -> None:
    tool = ToolFactory(server=files, name="fs_read")
    GrantFactory(server=files)
    owner = signed_in(OWNER)
    page = f"{TOOLS}{tool.pk}"
    assert "1 grant speaks of it today." in text(owner.get(f"{page}/quarantine/"))
    said = text(owner.post(f"{page}/quarantine/", {"reason": "odd"}, follow=True))
    assert "Quarantined files/fs_read" in said
    assert "End the quarantine" in said
    assert "it waits for a review" in text(owner.post(f"{page}/end-quarantine/", {"reason": "fine"}, follow=True))
    tool.refresh_from_db()
    assert tool.state == "unreviewed"


@pytest.mark.parametrize("role", [VIEWER, AUTHOR])
def test_whoever_may_not_edit_reviews_nothing(files: Server, role: str) -> None:
    tool, client = waiting(files), signed_in(role)
    for url in (f"{TOOLS}review/?tool={tool.pk}", f"{TOOLS}{tool.pk}/quarantine/", f"{TOOLS}{tool.pk}/end-quarantine/"):
        assert client.get(url).status_code == 403
        assert client.post(url, {"reason": "x", "seen": mark([tool])}).status_code == 403
    said = text(client.get(f"{TOOLS}{tool.pk}/change/"))
    assert "Quarantine" not in said
    assert "Review " not in said
    client.post(TOOLS, {"action": "review_selected", "_selected_action": [tool.pk]})
    assert Tool.objects.get().state == "unreviewed"


@pytest.mark.parametrize("query", ["", "?server=files", "?tool=x", "?tool=99999999999999999999", "?server=%00"])
def test_a_review_of_nothing_is_not_there(files: Server, query: str) -> None:
    assert signed_in(OWNER).get(f"{TOOLS}review/{query}").status_code == 404
