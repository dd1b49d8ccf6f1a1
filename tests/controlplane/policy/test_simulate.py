"""Try it: the simulator answers what a gate with the published policy would."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from controlplane.common.actor import Right
from controlplane.incidents.services import quarantine, raise_kill
from controlplane.inventory.models import Server
from controlplane.policy.compile import compile_snapshot
from controlplane.policy.simulate import Unread, read_arguments, simulate
from controlplane.principals.models import OWN_ISSUER
from enforcer.policy.call import Call, Caller
from enforcer.policy.decision import Facts
from enforcer.policy.index import Index, build_index
from enforcer.policy.judge import judge
from enforcer.policy.steps import NAMES
from tests.controlplane.actors import ADA
from tests.controlplane.api.asking import asker, problem
from tests.controlplane.factories import GrantFactory, GroupFactory, PrincipalFactory, ServerFactory, ToolFactory
from tests.enforcer.policy.support import incident

pytestmark = pytest.mark.django_db
REPORTS = {"properties": {"path": {"pattern": "^reports/"}}}
SHELL = {"type": "object", "properties": {"command": {"type": "string"}}}


@pytest.fixture
def files() -> Server:
    """Alice reads reports through her group, may write with an approval, and must not delete; bob has nothing."""
    made = ServerFactory(id="files", workspace="/srv/files")
    for name, risk in (("fs_read", "LOW"), ("fs_write", "HIGH"), ("fs_delete", "LOW"), ("other", "LOW")):
        ToolFactory(server=made, name=name, risk=risk)
    ToolFactory(server=made, name="held", state="changed")
    ToolFactory(server=made, name="shell", input_schema=SHELL)
    finance = GroupFactory(name="finance")
    alice = PrincipalFactory(subject="alice", groups=[finance])
    PrincipalFactory(subject="bob")
    GrantFactory(key="reads", principal=None, group=finance, server=made, tools=["fs_read"], constraint=REPORTS)
    GrantFactory(key="writes", principal=alice, server=made, tools=["fs_write", "fs_delete", "held", "shell"])
    GrantFactory(key="no", principal=alice, server=made, tools=["fs_delete"], effect="deny")
    assert isinstance(made, Server)
    return made


def published(server: Server) -> Index:
    snapshot = compile_snapshot(server, version=1, generation=1, now=timezone.now(), token_keys=())
    index = build_index(snapshot)
    assert isinstance(index, Index)
    return index


def cases() -> Iterator[tuple[str, str, dict[str, Any], str]]:
    yield "alice", "fs_read", {"path": "reports/a"}, "ALLOW_POLICY_MATCH"
    yield "alice", "fs_read", {"path": "reports/../a"}, "DENY_ARGUMENT_CONSTRAINT"
    yield "alice", "fs_read", {"path": "../a"}, "DENY_PATH_TRAVERSAL"
    yield "alice", "fs_read", {"path": "reports/a", "more": 1}, "DENY_UNKNOWN_FIELDS"
    yield "alice", "fs_read", {}, "DENY_INVALID_ARGUMENTS"
    yield "alice", "fs_write", {"path": "a"}, "REQUIRE_APPROVAL"
    yield "alice", "fs_delete", {"path": "a"}, "DENY_NO_PERMISSION"
    yield "alice", "other", {"path": "a"}, "DENY_NO_MATCHING_RULE"
    yield "alice", "held", {"path": "a"}, "DENY_TOOL_CHANGED"
    yield "alice", "missing", {}, "DENY_TOOL_NOT_FOUND"
    yield "alice", "shell", {"command": "rm -rf /"}, "REQUIRE_APPROVAL"
    yield "alice", "shell", {"command": "ls"}, "ALLOW_POLICY_MATCH"
    yield "bob", "fs_read", {"path": "reports/a"}, "DENY_NO_MATCHING_RULE"
    yield "nobody", "fs_read", {"path": "reports/a"}, "DENY_NO_MATCHING_RULE"


@pytest.mark.parametrize(("who", "tool", "arguments", "code"), cases())
def test_it_answers_what_a_gate_would(files: Server, who: str, tool: str, arguments: dict[str, Any], code: str) -> None:
    trial = simulate(server=files, subject=who, issuer=OWN_ISSUER, tool=tool, arguments=arguments)
    call, now = Call("gate", "files", tool, Caller(who, OWN_ISSUER)), timezone.now().timestamp()
    gate, _ = judge(published(files), incident(), call, arguments, before=Facts(0.0), rates={}, real=None, now=now)
    assert trial.decision.reasons[0] == code
    assert (trial.decision.result, trial.decision.reasons, trial.decision.told, trial.decision.policy_id) == (
        gate.result, gate.reasons, gate.told, gate.policy_id,
    )  # fmt: skip


def test_what_is_switched_off_is_refused_and_an_outsider_is_not_told(files: Server) -> None:
    raise_kill(target="tool:files/fs_read", reason="test", actor=ADA)
    mine = simulate(server=files, subject="alice", issuer=OWN_ISSUER, tool="fs_read", arguments={"path": "reports/a"})
    assert (mine.decision.reasons[0], mine.discreet) == ("DENY_KILL_SWITCH", False)
    theirs = simulate(server=files, subject="bob", issuer=OWN_ISSUER, tool="fs_read", arguments={})
    assert (theirs.decision.reasons[0], theirs.decision.told, theirs.discreet) == (
        "DENY_KILL_SWITCH", ("DENY_NO_MATCHING_RULE",), True,
    )  # fmt: skip
    quarantine(target="principal:alice", reason="test", actor=ADA)
    apart = simulate(server=files, subject="alice", issuer=OWN_ISSUER, tool="fs_write", arguments={"path": "a"})
    assert "INCIDENT_SESSION_QUARANTINED" in apart.decision.reasons


def test_a_server_for_which_nobody_chose_a_credential_blocks_what_is_allowed(files: Server) -> None:
    Server.objects.filter(pk="files").update(credential_mode="unset")
    files.refresh_from_db()
    trial = simulate(server=files, subject="alice", issuer=OWN_ISSUER, tool="fs_read", arguments={"path": "reports/a"})
    assert (trial.decision.reasons, trial.steps[-1].outcome) == (("DENY_PASSTHROUGH_BLOCKED",), "stopped")


def test_what_only_a_gate_knows_is_named(files: Server) -> None:
    raise_kill(target="enforcer:edge", reason="test", actor=ADA)
    trial = simulate(server=files, subject="alice", issuer=OWN_ISSUER, tool="fs_read", arguments={"path": "reports/a"})
    assert trial.decision.result == "allow"
    assert any("enforcer:edge" in each for each in trial.assumed)
    assert any("over a link" in each for each in trial.assumed)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "DENY_MALFORMED_REQUEST"),
        ("[]", "DENY_MALFORMED_REQUEST"),
        ('{"a":1,"a":2}', "DENY_MALFORMED_REQUEST"),
        ('{"a":"\ud800"}', "DENY_MALFORMED_REQUEST"),
        ('{"a":' + "[" * 70 + "]" * 70 + "}", "DENY_PAYLOAD_TOO_LARGE"),
        ('{"a":"' + "x" * 1_000_000 + '"}', "DENY_PAYLOAD_TOO_LARGE"),
    ],
)
def test_arguments_that_no_gate_would_read_are_refused_as_there(files: Server, text: str, reason: str) -> None:
    read = read_arguments(files, text)
    assert isinstance(read, Unread)
    assert read.reason == reason


def test_the_api_tells_every_step(files: Server) -> None:
    body = {"principal": "alice", "server": "files", "tool": "fs_read", "arguments": {"path": "reports/../payroll"}}
    said = asker(Right.VIEW).post("/simulate", body).json()
    assert (said["decision"], said["reason_codes"], said["policy_id"]) == ("deny", ["DENY_ARGUMENT_CONSTRAINT"], None)
    way = {step["name"]: (step["outcome"], step["said"]) for step in said["steps"]}
    assert tuple(way) == NAMES
    assert way["paths"] == ("passed", "/path is payroll")
    assert way["constraint"][0] == "stopped"
    assert way["rate"] == ("unreached", "")


def test_the_api_refuses_what_it_does_not_know(files: Server) -> None:
    ask = asker(Right.VIEW)
    body = {"principal": "alice", "server": "files", "tool": "fs_read"}
    assert problem(ask.post("/simulate", {**body, "server": "moon"}))["code"] == "server"
    assert ask.post("/simulate", {**body, "more": 1}).status_code == 422
    PrincipalFactory(subject="alice", issuer="https://idp.example")
    assert ask.post("/simulate", body).status_code == 409
    assert ask.post("/simulate", {**body, "issuer": OWN_ISSUER}).json()["reason_codes"] == ["DENY_INVALID_ARGUMENTS"]
