"""Trust levels, servers and tools in the web admin."""

import json
from typing import Any

import pytest

from controlplane.fleet.models import Enforcer
from controlplane.grants.models import Grant
from controlplane.incidents.models import KillSwitch
from controlplane.inventory.models import Server, Tool, TrustLevel
from controlplane.policy import edits
from controlplane.policy.declarative.items import DOORS
from tests.controlplane.actors import GRACE
from tests.controlplane.browsing import AUTHOR, OWNER, VIEWER, errors, send, signed_in, text
from tests.controlplane.factories import PATH_SCHEMA, GrantFactory, PrincipalFactory, ServerFactory, ToolFactory

pytestmark = pytest.mark.django_db
SERVERS, TOOLS, LEVELS = "/admin/inventory/server/", "/admin/inventory/tool/", "/admin/inventory/trustlevel/"


def test_a_server_is_added_with_every_key_that_is_served() -> None:
    filled = {
        "id": "files",
        "title": "File server",
        "trust_level": "community",
        "credential_mode": "none",
        "workspace": "/srv/files",
        "egress": "api.example.com\n*.example.org",
        "sandbox_fs": "read_only",
        "sandbox_net": "block_all",
        "rate": "100/minute",
        "timeout_s": "5",
        "max_request_bytes": "1000",
        "max_response_bytes": "2000",
    }
    page = send(signed_in(OWNER), f"{SERVERS}add/", filled)
    row = Server.objects.get()
    assert (row.id, row.title, row.trust_level_id, row.credential_mode) == ("files", "File server", "community", "none")
    assert (row.workspace, row.egress) == ("/srv/files", ["*.example.org", "api.example.com"])
    assert (row.sandbox_fs, row.sandbox_net, row.rate) == ("read_only", "block_all", "100/minute")
    assert (row.timeout_s, row.max_request_bytes, row.max_response_bytes) == (5, 1000, 2000)
    assert "+ server files" in text(page)


def test_an_unchanged_server_saves_as_it_is() -> None:
    row = ServerFactory(
        id="files", workspace="/srv", egress=["a.example"], sandbox_net="none", rate="1/hour", timeout_s=3
    )
    page = send(signed_in(OWNER), f"{SERVERS}{row.pk}/change/", {})
    assert "Nothing changed." in text(page)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("rate", "often", "is no rate"),
        ("egress", "not a host", "is no host"),
        ("workspace", "relative", "can't be a workspace"),
        ("id", "No!", "is no id"),
        ("timeout_s", "0", "greater than or equal to 0"),
    ],
)
def test_what_is_wrong_stands_at_its_field(field: str, value: str, said: str) -> None:
    page = send(signed_in(OWNER), f"{SERVERS}add/", {"id": "files", "trust_level": "internal", field: value})
    assert list(errors(page)) == [field]
    assert not Server.objects.exists()


def test_a_server_for_which_nobody_chose_a_credential_is_said_to_refuse_everything() -> None:
    ServerFactory(id="files", credential_mode="unset")
    viewer = signed_in(VIEWER)
    for where in (SERVERS, f"{SERVERS}files/change/"):
        assert "every call is refused (DENY_PASSTHROUGH_BLOCKED)" in text(viewer.get(where))


def test_what_this_version_does_not_serve_is_said_and_can_not_be_chosen() -> None:
    page = signed_in(OWNER).get(f"{SERVERS}add/")
    said = text(page)
    assert "sampling, elicitation, roots, tasks, completion: refused at the gate" in said
    assert [value for value, _ in page.context["adminform"].form.fields["credential_mode"].choices] == ["unset", "none"]


@pytest.mark.parametrize("target", ["all", "server:files", "credential:files", "trust:internal"])
def test_a_killed_server_says_so_in_list_and_page(target: str) -> None:
    server = ServerFactory(id="files")
    Enforcer.objects.create(id="gate").servers.add(server)
    ToolFactory(server=server)
    ToolFactory(server=server, state="unreviewed")
    KillSwitch.objects.create(target=target, reason="a fire", raised_by="ada")
    viewer = signed_in(VIEWER)
    assert "files A server internal none 2, 1 held 1 killed" in text(viewer.get(SERVERS))
    said = text(viewer.get(f"{SERVERS}files/change/"))
    assert f"▲ {target} a fire, by ada" in said
    assert "gate never seen" in said


def test_a_switch_elsewhere_is_not_shown() -> None:
    ServerFactory(id="files")
    KillSwitch.objects.create(target="trust:unknown", reason="a fire", raised_by="ada")
    KillSwitch.objects.create(target="tool:mail/send", reason="a fire", raised_by="ada")
    assert "none is raised" in text(signed_in(VIEWER).get(f"{SERVERS}files/change/"))


def test_a_server_shows_who_may_call_it() -> None:
    server = ServerFactory(id="files")
    GrantFactory(principal=PrincipalFactory(subject="ada"), server=server, tools=["read"])
    GrantFactory(principal=PrincipalFactory(subject="bob"), server=None, tools=[], trust="internal")
    GrantFactory(principal=PrincipalFactory(subject="zoe"))
    said = text(signed_in(VIEWER).get(f"{SERVERS}files/change/"))
    assert "ada may call read on files" in said
    assert "bob may call every tool on servers trusted as internal" in said
    assert "zoe" not in said


def test_removing_a_server_shows_what_goes_and_keeps_the_row() -> None:
    server = ServerFactory(id="files")
    GrantFactory(key="one", server=server)
    owner = signed_in(OWNER)
    asked = text(owner.get(f"{SERVERS}files/delete/"))
    assert "- grant one" in asked
    assert "- server files" in asked
    owner.post(f"{SERVERS}files/delete/", {"post": "yes", "why": "moved"})
    assert Server.objects.get().retired
    assert not Grant.objects.exists()
    assert Server.history.first().history_change_reason == "moved"
    assert owner.get(SERVERS).context["cl"].result_list == []
    assert [row.pk for row in owner.get(SERVERS, {"retired": "yes"}).context["cl"].result_list] == ["files"]
    assert owner.get(f"{SERVERS}files/delete/").status_code == 403


def test_a_removed_server_is_not_offered_to_grants() -> None:
    ServerFactory(id="files")
    ServerFactory(id="filing", retired=True)
    where = {"app_label": "grants", "model_name": "grant", "field_name": "server", "term": "fil"}
    found = signed_in(OWNER).get("/admin/autocomplete/", where).json()
    assert [row["id"] for row in found["results"]] == ["files"]


def test_a_level_says_for_how_many_servers_and_tools_it_means_what() -> None:
    server = ServerFactory(id="files")
    ToolFactory(server=server, risk="CRITICAL")
    ToolFactory(server=server, risk="HIGH")
    said = text(signed_in(VIEWER).get(f"{LEVELS}internal/change/"))
    assert "1 server is trusted as internal" in said
    assert "HIGH 1 tool, called as grants say" in said
    assert "CRITICAL 1 tool, above the ceiling: each call needs an approval" in said


def test_a_level_is_tuned_and_neither_added_nor_removed() -> None:
    ServerFactory(id="files")
    owner = signed_in(OWNER)
    page = send(owner, f"{LEVELS}internal/change/", {"ceiling": "LOW", "stale_high_s": "5"})
    row = TrustLevel.objects.get(name="internal")
    assert (row.ceiling, row.stale_high_s, row.stale_all_s) == ("LOW", 5, 900)
    assert "~ trust_level internal: ceiling HIGH -> LOW" in text(page)
    assert owner.get(f"{LEVELS}add/").status_code == 403
    assert owner.post(f"{LEVELS}internal/delete/", {"post": "yes"}).status_code == 403


def test_a_level_that_would_stop_everything_before_the_rest_is_refused() -> None:
    page = send(signed_in(OWNER), f"{LEVELS}internal/change/", {"stale_high_s": "1000"})
    assert list(errors(page)) == ["stale_all_s"]


def declared(**changes: Any) -> dict[str, Any]:
    """What somebody types to declare `files/fs_read`."""
    return {"server": "files", "name": "fs_read", "input_schema": json.dumps(PATH_SCHEMA)} | changes


def test_a_tool_is_declared_with_the_proposed_risk() -> None:
    ServerFactory(id="files")
    send(signed_in(OWNER), f"{TOOLS}add/", declared())
    row = Tool.objects.get()
    assert (row.name, row.risk, row.state, row.declared) == ("fs_read", "LOW", "reviewed", True)
    assert (row.path_arguments, row.url_arguments) == (None, None)


def test_pointers_are_found_declared_or_none() -> None:
    ServerFactory(id="files", workspace="/srv")
    owner = signed_in(OWNER)
    send(owner, f"{TOOLS}add/", declared(path_how="declared", path_arguments="/path", url_how="declared"))
    row = Tool.objects.get()
    assert (row.path_arguments, row.url_arguments) == (["/path"], [])
    said = text(owner.get(f"{TOOLS}{row.pk}/change/"))
    assert "Path arguments /path declared" in said
    assert "URL arguments none declared" in said
    assert "Nothing changed." in text(send(owner, f"{TOOLS}{row.pk}/change/", {}))


def test_pointers_that_would_be_ignored_are_refused() -> None:
    ServerFactory(id="files", workspace="/srv")
    page = send(signed_in(OWNER), f"{TOOLS}add/", declared(path_arguments="/path"))
    assert list(errors(page)) == ["path_arguments"]


def test_a_tool_says_which_paths_nobody_checks() -> None:
    tool = ToolFactory(server=ServerFactory(id="files"), name="fs_read")
    said = text(signed_in(VIEWER).get(f"{TOOLS}{tool.pk}/change/"))
    assert "/path found by name and schema unchecked: the server has no workspace to check it against" in said


def test_a_risk_below_the_proposed_one_is_marked_with_its_reason() -> None:
    tool = ToolFactory(name="fs_delete", risk="LOW")
    said = text(signed_in(VIEWER).get(f"{TOOLS}{tool.pk}/change/"))
    assert "below what is proposed: HIGH, its name says 'delete'" in said


def test_a_schema_that_no_gate_can_check_is_said_to_be_one() -> None:
    tool = ToolFactory(input_schema={"$ref": "https://evil.example/schema"}, declared=False)
    assert "can’t be checked:" in text(signed_in(VIEWER).get(f"{TOOLS}{tool.pk}/change/"))


def test_a_discovered_tool_is_not_deleted() -> None:
    tool = ToolFactory(declared=False)
    assert signed_in(OWNER).post(f"{TOOLS}{tool.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Tool.objects.exists()


def test_tools_are_found_by_name_server_and_both_and_sorted_by_risk() -> None:
    files, mail = ServerFactory(id="files"), ServerFactory(id="mail")
    for server, name, risk in ((files, "a", "LOW"), (files, "b", "CRITICAL"), (mail, "b", "MEDIUM")):
        ToolFactory(server=server, name=name, risk=risk)
    viewer = signed_in(VIEWER)

    def listed(**query: str) -> list[str]:
        return [str(row) for row in viewer.get(TOOLS, query).context["cl"].result_list]

    assert listed(q="files/b") == ["files/b"]
    assert listed(q="mail") == ["mail/b"]
    assert listed(server="files") == ["files/a", "files/b"]
    column = viewer.get(TOOLS).context["cl"].list_display.index("shown_risk")
    assert listed(o=str(column)) == ["files/a", "mail/b", "files/b"]


def test_tools_of_a_removed_server_are_not_listed() -> None:
    ToolFactory(server=ServerFactory(retired=True), name="ghost", declared=False)
    assert "ghost" not in text(signed_in(VIEWER).get(TOOLS))


def test_a_tool_shows_who_may_call_it() -> None:
    server = ServerFactory(id="files")
    tool = ToolFactory(server=server, name="fs_read", risk="LOW")
    GrantFactory(principal=PrincipalFactory(subject="ada"), server=server, tools=["fs_*"])
    GrantFactory(principal=PrincipalFactory(subject="bob"), server=None, tools=[], risk="LOW")
    GrantFactory(principal=PrincipalFactory(subject="zoe"), server=server, tools=["other"])
    said = text(signed_in(VIEWER).get(f"{TOOLS}{tool.pk}/change/"))
    assert "ada may call fs_* on files" in said
    assert "bob may call every tool of LOW risk" in said
    assert "zoe" not in said


def test_a_viewer_changes_nothing_and_an_author_proposes() -> None:
    ServerFactory(id="files")
    viewer, author = signed_in(VIEWER), signed_in(AUTHOR)
    assert viewer.post(f"{SERVERS}add/", {"id": "new"}).status_code == 403
    assert viewer.post(f"{SERVERS}files/change/", {"title": "x"}).status_code == 403
    assert "Not served" in text(viewer.get(f"{SERVERS}files/change/"))
    page = send(author, f"{SERVERS}files/change/", {"title": "Another"})
    assert "waits for a policy owner" in text(page)
    assert Server.objects.get().title == "A server"


@pytest.mark.parametrize(
    "asked",
    [{"allow": {door: True}} for door in DOORS]
    + [{"credential": {"mode": "exchange"}}, {"credential": {"mode": "vault"}}, {"discovery": {"mode": "none"}}],
)
def test_what_the_form_calls_not_served_is_refused_by_the_rules(asked: dict[str, Any]) -> None:
    item = {"id": "files", "trust_level": "internal", **asked}
    applied = edits.save(section="servers", item=item, actor=GRACE, dry_run=True)
    assert any("not served" in problem.what for problem in applied.problems)


def test_a_mode_that_is_not_served_is_not_changed_in_silence() -> None:
    row = ServerFactory(id="files", credential_mode="vault")
    page = send(signed_in(OWNER), f"{SERVERS}files/change/", {})
    assert "credential_mode" in errors(page)
    row.refresh_from_db()
    assert row.credential_mode == "vault"


@pytest.mark.parametrize(
    ("target", "stopped"),
    [
        ("tool:files/fs_*", True),
        ("risk:LOW", True),
        ("server:files", True),
        ("tool:files/other", False),
        ("risk:HIGH", False),
        ("principal:ada", False),
    ],
)
def test_a_tool_names_the_switches_that_stop_it(target: str, stopped: bool) -> None:
    tool = ToolFactory(server=ServerFactory(id="files"), name="fs_read", risk="LOW")
    KillSwitch.objects.create(target=target, reason="a fire", raised_by="ada")
    said = text(signed_in(VIEWER).get(f"{TOOLS}{tool.pk}/change/"))
    assert ("by ada: no call passes" in said) == stopped


def test_adding_changes_nothing_that_is_there_already() -> None:
    ToolFactory(server=ServerFactory(id="files", workspace="/srv"), name="fs_read", risk="HIGH")
    owner = signed_in(OWNER)
    page = send(owner, f"{SERVERS}add/", {"id": "files", "trust_level": "unknown"})
    assert "there is one already: a server of this id" in errors(page)["__all__"][0]
    page = send(owner, f"{TOOLS}add/", declared(risk="LOW"))
    assert "there is one already: a tool of this name" in errors(page)["__all__"][0]
    assert (Server.objects.get().trust_level_id, Tool.objects.get().risk) == ("internal", "HIGH")


def test_a_removed_server_and_a_discovered_tool_can_be_declared() -> None:
    ToolFactory(server=ServerFactory(id="files"), name="fs_read", declared=False, state="unreviewed")
    ServerFactory(id="old", retired=True)
    owner = signed_in(OWNER)
    send(owner, f"{SERVERS}add/", {"id": "old", "trust_level": "internal"})
    send(owner, f"{TOOLS}add/", declared())
    assert not Server.objects.get(id="old").retired
    assert (Tool.objects.get().declared, Tool.objects.get().state) == (True, "reviewed")
