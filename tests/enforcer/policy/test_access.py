from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enforcer.contract.incident import Incident
from enforcer.contract.levels import Risk
from enforcer.contract.snapshot import Snapshot
from enforcer.policy.access import access, visible_tools
from enforcer.policy.decision import Facts
from enforcer.policy.standing import Standing, standing
from tests.enforcer.policy.random_policies import incidents, snapshots
from tests.enforcer.policy.support import (
    NOW,
    PAST,
    call,
    caller,
    grant,
    incident,
    index_of,
    revoke,
    short,
    snapshot,
    tool,
)

CALM = incident()
OPEN = index_of(snapshot(grant()))
REVOKED = "DENY_INVALID_TOKEN INCIDENT_TOKENS_REVOKED"
QUARANTINED = "DENY_NO_PERMISSION INCIDENT_SESSION_QUARANTINED"
KILLED = "DENY_KILL_SWITCH INCIDENT_KILL_SWITCH_ACTIVE"
ALLOWED = "ALLOW_POLICY_MATCH"

SITUATIONS: list[tuple[str, Incident | None, float | None, str]] = [
    ("calm", CALM, 1.0, ALLOWED),
    ("no incident state", None, 1.0, "DENY_POLICY_UNAVAILABLE"),
    ("no lease", CALM, None, "DENY_POLICY_UNAVAILABLE"),
    ("past the first budget", CALM, 61.0, ALLOWED),
    ("past the second budget", CALM, 901.0, "DENY_POLICY_STALE"),
    ("revoked", revoke(), 1.0, REVOKED),
    ("quarantined", incident(quarantined=("session:s1",)), 1.0,
     QUARANTINED),
    *[(target, incident(target), 1.0, KILLED) for target in (
        "all", "server:files", "trust:internal", "principal:alice", "group:finance", "session:s1", "enforcer:probe",
        "credential:files", "planet:mars")],
    *[(target, incident(target), 1.0, ALLOWED) for target in (
        "tool:files/*", "risk:MEDIUM", "server:time", "principal:bob", "enforcer:other")],
]  # fmt: skip


@pytest.mark.parametrize(("state", "age", "answer"), [s[1:] for s in SITUATIONS], ids=[s[0] for s in SITUATIONS])
def test_other_methods_are_open_unless(state: Incident | None, age: float | None, answer: str) -> None:
    assert short(access(OPEN, state, caller(), "probe", age, NOW)) == answer


def test_an_undeclared_principal_may_ask_and_sees_nothing() -> None:
    assert access(OPEN, CALM, caller("eve"), "probe", 1.0, NOW).result == "allow"
    assert visible_tools(OPEN, CALM, caller("eve"), "probe", 1.0, NOW) == frozenset()


def test_a_kill_is_told_only_to_those_with_a_grant_here() -> None:
    ended = index_of(snapshot(grant(not_after=PAST)))
    for index, who in ((OPEN, caller("eve")), (ended, caller())):
        decision = access(index, incident("all"), who, "probe", 1.0, NOW)
        assert decision.told == ("DENY_NO_MATCHING_RULE",)
        assert decision.reasons[0] == "DENY_KILL_SWITCH"


TOOLS = (
    tool("fs_read"),
    tool("fs_write", risk=Risk.HIGH),
    tool("fs_new", state="unreviewed"),
    tool("fs_odd", state="changed"),
    tool("db_drop", risk=Risk.CRITICAL),
)
REVIEWED = {"fs_read", "fs_write", "db_drop"}
LISTS: list[tuple[str, dict[str, Any], Incident | None, float | None, set[str]]] = [
    ("all that are reviewed", {}, CALM, 1.0, REVIEWED),
    ("those granted", {"tools": ("fs_*",)}, CALM, 1.0, {"fs_read", "fs_write"}),
    ("not those killed", {}, incident("tool:files/fs_*"), 1.0, {"db_drop"}),
    ("not those of a killed risk", {}, incident("risk:HIGH"), 1.0, {"fs_read", "db_drop"}),
    ("not HIGH and CRITICAL past the first budget", {}, CALM, 61.0, {"fs_read"}),
    ("nothing past the second", {}, CALM, 901.0, set()),
    ("nothing without a lease", {}, CALM, None, set()),
    ("nothing without an incident state", {}, None, 1.0, set()),
    ("nothing for the revoked", {}, revoke(), 1.0, set()),
    ("what a constraint may still refuse", {"constraint": {"required": ["a"]}}, CALM, 1.0, REVIEWED),
]  # fmt: skip


@pytest.mark.parametrize(("given", "state", "age", "names"), [row[1:] for row in LISTS], ids=[row[0] for row in LISTS])
def test_the_list_shows(given: dict[str, Any], state: Incident | None, age: float | None, names: set[str]) -> None:
    index = index_of(snapshot(grant(**given), tools=TOOLS))
    assert visible_tools(index, state, caller(), "probe", age, NOW) == names


def test_a_deny_without_constraint_hides_a_tool_and_one_with_shows_it() -> None:
    plain = snapshot(grant("a"), grant("b", effect="deny", tools=("fs_read",)), tools=TOOLS)
    conditional = snapshot(grant("a"), grant("b", effect="deny", tools=("fs_read",), constraint={}), tools=TOOLS)
    assert "fs_read" not in visible_tools(index_of(plain), CALM, caller(), "probe", 1.0, NOW)
    assert "fs_read" in visible_tools(index_of(conditional), CALM, caller(), "probe", 1.0, NOW)


@settings(max_examples=300, deadline=None)
@given(snapshots(), incidents(), st.sampled_from(["alice", "bob", "eve"]), st.sampled_from([None, 0.0, 61.0, 1000.0]))
def test_what_is_listed_is_what_stands(made: Snapshot, state: Incident | None, who: str, age: float | None) -> None:
    """However few tools are looked at for it."""
    index = index_of(made)
    whole = {
        name
        for name in index.tools
        if isinstance(standing(index, state, call(name, caller(who)), Facts(age), NOW), Standing)
    }
    assert visible_tools(index, state, caller(who), "probe", age, NOW) == whole
    assert visible_tools(index, state, caller(who), "probe", age, NOW, ["fs_read"]) == whole & {"fs_read"}
