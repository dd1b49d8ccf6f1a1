"""`export | apply -` changes nothing, whatever the rows hold and however they came to hold it."""

import io
from collections.abc import Iterator
from threading import Thread
from types import SimpleNamespace

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from controlplane.grants.models import Grant
from controlplane.grants.specs import GrantSpec
from controlplane.incidents.services import raise_kill
from controlplane.inventory.models import LEVEL_NAMES, Server, Tool
from controlplane.policy import edits
from controlplane.policy.declarative import current
from controlplane.policy.management.commands import apply as apply_command
from controlplane.principals.models import IdentityProvider
from tests.controlplane.actors import ADA
from tests.controlplane.factories import (
    GrantFactory,
    GroupFactory,
    IdentityProviderFactory,
    PrincipalFactory,
    ServerFactory,
    ToolFactory,
    trust_level,
)
from tests.controlplane.policy_file.exporting import AFTER, apply, check_nothing_changes, export, exported
from tests.controlplane.policy_file.samples import GOOD, written

pytestmark = pytest.mark.django_db


def test_an_empty_control_plane_exports_the_four_levels_and_takes_them_back() -> None:
    check_nothing_changes()
    assert export() == (
        "version: 1\ntrust_levels:\n  - {name: internal}\n  - {name: verified}\n  - {name: community}\n"
        "  - {name: unknown}\n"
    )


def test_an_export_reads_like_a_file_that_somebody_wrote() -> None:
    in_order = GOOD.replace("path: {type: string}, url: {type: string}", "url: {type: string}, path: {type: string}")
    assert not apply(written(in_order).value).problems  # the order that PostgreSQL gives the keys of a schema
    assert export().partition("groups:")[2] == (
        "\n"
        "  - {name: finance}\n"
        "principals:\n"
        "  - {subject: alice, issuer: drawbridge, groups: [finance]}\n"
        "servers:\n"
        '  - {id: files, trust_level: internal, credential: {mode: none}, workspace: "/srv/files",'
        " egress: [api.example]}\n"
        "tools:\n"
        "  - server: files\n"
        "    name: fs_read\n"
        "    risk: LOW\n"
        "    input_schema: {type: object, properties: {url: {type: string}, path: {type: string}}}\n"
        '    path_arguments: ["/path"]\n'
        '    url_arguments: ["/url"]\n'
        "grants:\n"
        "  - {principal: alice, issuer: drawbridge, server: files, tools: [fs_read]}\n"
    )


def test_through_both_commands_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not apply(written(GOOD).value).problems
    monkeypatch.setattr(apply_command, "wait_published", lambda *_: True)
    for words in ((), ("--json",)):
        file = export(*words).encode()
        for more in ((), ("--prune",), ("--dry-run",)):
            monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(file)))
            out = io.StringIO()
            call_command("apply", *more, "-", stdout=out)
            assert out.getvalue() == "no changes\n"


def test_a_grant_whose_window_has_ended_stays_and_is_warned_of_but_no_new_one_is_taken() -> None:
    file = GOOD.replace("tools: [fs_read]}", "tools: [fs_read], not_after: 2026-12-01}")
    assert not apply(written(file).value).problems
    again = apply(exported(), AFTER)
    assert (again.problems, again.changes) == ((), ())
    assert "the window has ended" in [warning.what for warning in again.warnings]
    (moved,) = apply(written(file.replace("fs_read]", "'fs_*']")).value, AFTER).problems
    assert moved.what == "the window has ended"


def test_a_switch_on_a_retired_server_and_one_with_a_hostile_reason_are_no_problem() -> None:
    apply(written(GOOD).value)
    raise_kill(target="server:files", reason="\u202e" * 5000 + "\n\x1b[31m", actor=ADA)
    apply({"version": 1}, prune=True)
    assert Server.objects.get().retired
    check_nothing_changes()


def test_a_principal_whose_provider_is_gone_stays_and_is_warned_of() -> None:
    IdentityProviderFactory(issuer="https://gone")
    assert not apply({"version": 1, "principals": [{"subject": "ada", "issuer": "https://gone"}]}).problems
    IdentityProvider.objects.all().delete()
    check_nothing_changes()
    assert [warning.what for warning in apply(exported()).warnings] == ["'https://gone' is no known issuer"]


def test_a_declared_path_whose_server_lost_its_workspace_by_hand_is_no_problem_until_the_server_is_changed() -> None:
    ToolFactory(server=ServerFactory(id="files"), name="read", path_arguments=["/path"])
    check_nothing_changes()
    said = exported()
    assert [warning.what for warning in apply(said).warnings] == ["there is no workspace to check it against"]
    assert isinstance(said, dict)
    said["tools"][0]["risk"] = "HIGH"  # type: ignore[call-overload,index]
    assert [problem.what for problem in apply(said).problems] == ["there is no workspace to check it against"]


def test_a_tool_that_the_live_server_changed_below_a_constraint_is_no_problem_of_the_file() -> None:
    ToolFactory(server=ServerFactory(id="files", credential_mode="none"), name="found", declared=False)
    PrincipalFactory(subject="ada")
    item = {"principal": "ada", "server": "files", "tools": ["found"], "constraint": {"required": ["path"]}}
    assert not edits.save(section="grants", item=item, actor=ADA).problems
    Tool.objects.update(input_schema={"type": "object", "properties": {"file": {"type": "string"}}})
    check_nothing_changes()
    assert [warning.what for warning in apply(exported()).warnings] == ["tool files/found has no field /path"]


def test_a_number_that_the_database_made_an_integer_of_is_exported_as_the_number_that_it_was() -> None:
    """PostgreSQL gives 1e20 back as digits, and no JSON reader here takes an integer beyond 2^53-1."""
    ToolFactory(server=ServerFactory(id="files"), name="n", input_schema={"type": "object", "maxProperties": 10**20})
    check_nothing_changes()
    (tool,) = current.current_policy().tools.values()
    assert isinstance(tool.input_schema["maxProperties"], float)


@pytest.mark.parametrize("size", [1, 40])
def test_an_export_asks_the_database_the_same_few_questions_however_much_it_holds(size: int) -> None:
    for number in range(size):
        groups = [GroupFactory(), GroupFactory()]
        server = ServerFactory(id=f"s-{number}")
        ToolFactory(server=server)
        IdentityProviderFactory()
        GrantFactory(server=server, principal=PrincipalFactory(groups=groups))
        GrantFactory(server=server, principal=None, group=groups[0])
        raise_kill(target=f"server:{server.id}", reason="r", actor=ADA)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        export()
    assert len(asked) == 12


@pytest.mark.django_db(transaction=True)
def test_an_export_sees_one_moment_while_edits_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between reading the tools and the grants another process writes; the export holds it up by nothing."""
    for level in LEVEL_NAMES:  # a test that committed before this one was followed by a flush
        trust_level(level)
    assert not apply(written(GOOD).value).problems
    read_grants = current._grants

    def after_an_edit(wanted: QuerySet[Grant]) -> Iterator[GrantSpec]:
        monkeypatch.setattr(current, "_grants", read_grants)
        writer = Thread(target=_revoke_everything)
        writer.start()
        writer.join(timeout=30)
        assert not writer.is_alive()
        return read_grants(wanted)

    monkeypatch.setattr(current, "_grants", after_an_edit)
    said = exported()
    assert isinstance(said, dict)
    assert "grants" in said
    assert not Grant.objects.exists()


def _revoke_everything() -> None:
    try:
        apply({"version": 1}, prune=True)
    finally:
        connection.close()
