import dataclasses
from typing import Any

import pytest

from enforcer.contract.incident import Incident
from enforcer.contract.levels import Risk, TrustLevel
from enforcer.contract.reasons import ReasonCode
from enforcer.contract.snapshot import Snapshot
from enforcer.contract.times import to_text
from enforcer.policy.decide import decide
from tests.enforcer.policy.support import (
    FUTURE,
    NOW,
    PAST,
    call,
    caller,
    examined,
    facts,
    grant,
    incident,
    index_of,
    revoke,
    short,
    snapshot,
    tool,
    trust,
)

CALM = incident()
OPEN = snapshot(grant())  # alice may do everything up to MEDIUM
CLOSED = snapshot()
WIDE = snapshot(grant(max_risk=Risk.CRITICAL))
UNFIT: dict[str, Any] = {"arguments": examined((ReasonCode.DENY_UNKNOWN_FIELDS, "b"))}
RAISED: dict[str, Any] = {"arguments": examined(risk=Risk.CRITICAL)}
IF_A = {"properties": {"a": {"const": 1}}}
REVOKED = "DENY_INVALID_TOKEN INCIDENT_TOKENS_REVOKED"
QUARANTINED = "DENY_NO_PERMISSION INCIDENT_SESSION_QUARANTINED"
KILLED = "DENY_KILL_SWITCH INCIDENT_KILL_SWITCH_ACTIVE"
HELD = snapshot(grant(), tools=(tool(state="unreviewed"),))
UNPINNED = snapshot(grant(), tools=(tool(declared=False),))
UNPINNED_OK = snapshot(grant(), tools=(tool(declared=False),), trust=trust(pins="optional"))
CHANGED = snapshot(grant(), tools=(tool(state="changed"),))


def two(first: dict[str, Any], second: dict[str, Any]) -> Snapshot:
    return snapshot(grant("a", **first), grant("b", **second))


DENY: dict[str, Any] = {"effect": "deny"}
DENY_IF: dict[str, Any] = {"effect": "deny", "constraint": IF_A}
RATED = snapshot(grant(rate="2/minute"))
SERVER_RATED = snapshot(grant(), rate="2/minute")
IF_ALLOWED = snapshot(grant(constraint=IF_A))
# what it is like | policy | incident state | changes of the call | changes of the facts | the answer
TABLE: list[tuple[str, Snapshot, Incident | None, dict[str, Any], dict[str, Any], str]] = [
    ("a grant", OPEN, CALM, {}, {}, "ALLOW_POLICY_MATCH"),
    ("an empty policy", CLOSED, CALM, {}, {}, "DENY_NO_MATCHING_RULE"),
    ("an undeclared principal", OPEN, CALM, {"who": caller("eve")}, {}, "DENY_NO_MATCHING_RULE"),
    ("the same subject of another issuer", OPEN, CALM, {"who": caller(issuer="x")}, {}, "DENY_NO_MATCHING_RULE"),
    ("no incident state", OPEN, None, {}, {}, "DENY_POLICY_UNAVAILABLE"),
    ("an incident state of another server", OPEN, incident(server_id="x"), {}, {}, "DENY_POLICY_UNAVAILABLE"),
    ("a call to another server", OPEN, CALM, {"server_id": "x"}, {}, "DENY_POLICY_UNAVAILABLE"),
    # fresh
    ("no lease", OPEN, CALM, {}, {"lease_age_s": None}, "DENY_POLICY_UNAVAILABLE"),
    ("an expired snapshot", snapshot(grant(), expires_at=PAST), CALM, {}, {}, "DENY_POLICY_STALE"),
    ("a snapshot that ends now", snapshot(grant(), expires_at=to_text(NOW)), CALM, {}, {}, "DENY_POLICY_STALE"),
    ("past the first budget", OPEN, CALM, {}, {"lease_age_s": 61.0}, "ALLOW_POLICY_MATCH"),
    ("past it, HIGH", WIDE, CALM, {"name": "fs_write"}, {"lease_age_s": 61.0}, "DENY_POLICY_STALE"),
    ("past it, raised", WIDE, CALM, {}, {**RAISED, "lease_age_s": 61.0}, "DENY_POLICY_STALE"),
    ("past the second budget", OPEN, CALM, {}, {"lease_age_s": 901.0}, "DENY_POLICY_STALE"),
    ("an age that is no number", OPEN, CALM, {}, {"lease_age_s": float("nan")}, "DENY_POLICY_STALE"),
    # revoked, quarantined
    ("a revoked principal", OPEN, revoke(), {}, {}, REVOKED),
    ("another issuer's revoked principal", OPEN, revoke(issuer="x"), {}, {}, "ALLOW_POLICY_MATCH"),
    ("its subject at another issuer", OPEN, revoke(), {"who": caller(issuer="x")}, {}, "DENY_NO_MATCHING_RULE"),
    ("a revoked token", OPEN, incident(revoked_tokens=("t1",)), {}, {}, REVOKED),
    ("a quarantined principal", OPEN, incident(quarantined=("principal:alice",)), {}, {}, QUARANTINED),
    ("a quarantined session", OPEN, incident(quarantined=("session:s1",)), {}, {}, QUARANTINED),
    ("another session's quarantine", OPEN, incident(quarantined=("session:s2",)), {}, {}, "ALLOW_POLICY_MATCH"),
    ("a quarantine nobody understands", OPEN, incident(quarantined=("s1",)), {}, {}, QUARANTINED),
    ("revoked before killed", OPEN, incident("all", revoked_tokens=("t1",)), {}, {}, REVOKED),
    # killed
    ("everything killed", OPEN, incident("all"), {}, {}, KILLED),
    ("this server killed", OPEN, incident("server:files"), {}, {}, KILLED),
    ("another server killed", OPEN, incident("server:time"), {}, {}, "ALLOW_POLICY_MATCH"),
    ("its credential killed", OPEN, incident("credential:files"), {}, {}, KILLED),
    ("this tool killed", OPEN, incident("tool:files/fs_read"), {}, {}, KILLED),
    ("this tool killed by a glob", OPEN, incident("tool:files/fs_*"), {}, {}, KILLED),
    ("a name with a slash killed", WIDE, incident("tool:files/db/*"), {"name": "db/drop"}, {}, KILLED),
    ("another tool killed", OPEN, incident("tool:files/fs_write"), {}, {}, "ALLOW_POLICY_MATCH"),
    ("another server's tool killed", OPEN, incident("tool:time/*"), {}, {}, "ALLOW_POLICY_MATCH"),
    ("its risk killed", OPEN, incident("risk:MEDIUM"), {}, {}, KILLED),
    ("the raised risk killed", OPEN, incident("risk:CRITICAL"), {}, RAISED, KILLED),
    ("the declared risk killed, raised", OPEN, incident("risk:MEDIUM"), {}, RAISED, KILLED),
    ("another risk killed", OPEN, incident("risk:HIGH"), {}, {}, "ALLOW_POLICY_MATCH"),
    ("its trust level killed", OPEN, incident("trust:internal"), {}, {}, KILLED),
    ("another trust level killed", OPEN, incident("trust:unknown"), {}, {}, "ALLOW_POLICY_MATCH"),
    ("the principal killed", OPEN, incident("principal:alice"), {}, {}, KILLED),
    ("the group killed", OPEN, incident("group:finance"), {}, {}, KILLED),
    ("another group killed", OPEN, incident("group:ops"), {}, {}, "ALLOW_POLICY_MATCH"),
    ("the session killed", OPEN, incident("session:s1"), {}, {}, KILLED),
    ("the enforcer killed", OPEN, incident("enforcer:probe"), {}, {}, KILLED),
    ("another enforcer killed", OPEN, incident("enforcer:other"), {}, {}, "ALLOW_POLICY_MATCH"),
    ("a target nobody understands", OPEN, incident("planet:mars"), {}, {}, KILLED),
    ("killed before unknown", OPEN, incident("all"), {"name": "nope"}, {}, KILLED),
    # known, reviewed, unchanged
    ("an unknown tool", OPEN, CALM, {"name": "nope"}, {}, "DENY_TOOL_NOT_FOUND"),
    ("an unreviewed tool", HELD, CALM, {}, {}, "DENY_TOOL_UNREVIEWED"),
    ("a quarantined tool", snapshot(grant(), tools=(tool(state="quarantined"),)), CALM, {}, {}, "DENY_TOOL_UNREVIEWED"),
    ("a reviewed tool without its pin", UNPINNED, CALM, {}, {}, "DENY_TOOL_UNREVIEWED"),
    ("the same where pins are optional", UNPINNED_OK, CALM, {}, {}, "ALLOW_POLICY_MATCH"),
    ("a changed tool", CHANGED, CALM, {}, {}, "DENY_TOOL_CHANGED"),
    ("a live definition that differs", OPEN, CALM, {}, {"definition": "changed"}, "DENY_TOOL_CHANGED"),
    ("a declared tool never seen", OPEN, CALM, {}, {"definition": "unseen"}, "ALLOW_POLICY_MATCH"),
    # grants
    ("a deny beside an allow", two(DENY, {}), CALM, {}, {}, "DENY_NO_PERMISSION"),
    ("a deny of another tool", two({**DENY, "tools": ("fs_w*",)}, {}), CALM, {}, {}, "ALLOW_POLICY_MATCH"),
    ("an allow of another tool", snapshot(grant(tools=("fs_w*",))), CALM, {}, {}, "DENY_NO_MATCHING_RULE"),
    ("an empty list of tools", snapshot(grant(tools=())), CALM, {}, {}, "DENY_NO_MATCHING_RULE"),
    ("a risk selector", snapshot(grant(tools=(), risk=Risk.MEDIUM)), CALM, {}, {}, "ALLOW_POLICY_MATCH"),
    ("another risk selected", snapshot(grant(risk=Risk.LOW)), CALM, {}, {}, "DENY_NO_MATCHING_RULE"),
    ("a deny by the raised risk", two({**DENY, "risk": Risk.CRITICAL}, {}), CALM, {}, RAISED, "DENY_NO_PERMISSION"),
    ("an allow by the raised risk", snapshot(grant(risk=Risk.CRITICAL)), CALM, {}, RAISED, "DENY_NO_MATCHING_RULE"),
    ("an allow not yet valid", snapshot(grant(not_before=FUTURE)), CALM, {}, {}, "DENY_NO_MATCHING_RULE"),
    ("an allow that ended", snapshot(grant(not_after=PAST)), CALM, {}, {}, "DENY_NO_MATCHING_RULE"),
    ("an allow in its window", snapshot(grant(not_before=PAST, not_after=FUTURE)), CALM, {}, {}, "ALLOW_POLICY_MATCH"),
    ("an allow that starts now", snapshot(grant(not_before=to_text(NOW))), CALM, {}, {}, "ALLOW_POLICY_MATCH"),
    ("an allow that ends now", snapshot(grant(not_after=to_text(NOW))), CALM, {}, {}, "DENY_NO_MATCHING_RULE"),
    ("an allow whose window can't be read", snapshot(grant(not_after="soon")), CALM, {}, {}, "DENY_NO_MATCHING_RULE"),
    ("a deny that ended", two({**DENY, "not_after": PAST}, {}), CALM, {}, {}, "ALLOW_POLICY_MATCH"),
    ("a deny whose window can't be read", two({**DENY, "not_after": "soon"}, {}), CALM, {}, {}, "DENY_NO_PERMISSION"),
    # arguments
    ("a problem of the arguments", OPEN, CALM, {}, UNFIT, "DENY_UNKNOWN_FIELDS"),
    ("no grant comes before it", CLOSED, CALM, {}, UNFIT, "DENY_NO_MATCHING_RULE"),
    ("arguments nobody looked at", OPEN, CALM, {}, {"arguments": None}, "DENY_INTERNAL_ERROR"),
    ("a deny's constraint holds", two(DENY_IF, {}), CALM, {}, {"constraints": {"a": "pass"}}, "DENY_NO_PERMISSION"),
    ("a deny's constraint fails", two(DENY_IF, {}), CALM, {}, {"constraints": {"a": "fail"}}, "ALLOW_POLICY_MATCH"),
    ("a deny's constraint breaks", two(DENY_IF, {}), CALM, {}, {"constraints": {"a": "error"}}, "DENY_NO_PERMISSION"),
    ("a deny's constraint unasked", two(DENY_IF, {}), CALM, {}, {}, "DENY_NO_PERMISSION"),
    ("an allow's constraint holds", IF_ALLOWED, CALM, {}, {"constraints": {"g1": "pass"}}, "ALLOW_POLICY_MATCH"),
    ("an allow's constraint fails", IF_ALLOWED, CALM, {}, {"constraints": {"g1": "fail"}}, "DENY_ARGUMENT_CONSTRAINT"),
    ("it breaks", IF_ALLOWED, CALM, {}, {"constraints": {"g1": "error"}}, "DENY_ARGUMENT_CONSTRAINT"),
    ("an allow's constraint unasked", IF_ALLOWED, CALM, {}, {}, "DENY_ARGUMENT_CONSTRAINT"),
    # rates
    ("a rate with room", RATED, CALM, {}, {"rates": {"g1": 1.0}}, "ALLOW_POLICY_MATCH"),
    ("a rate used up", RATED, CALM, {}, {"rates": {"g1": 0.9}}, "DENY_RATE_LIMIT"),
    ("a rate that can't be read", snapshot(grant(rate="often")), CALM, {}, {"rates": {"g1": 5.0}}, "DENY_RATE_LIMIT"),
    ("a rate that is no number", RATED, CALM, {}, {"rates": {"g1": float("nan")}}, "DENY_RATE_LIMIT"),
    ("the server's rate used up", SERVER_RATED, CALM, {}, {"rates": {"server": 0.0}}, "DENY_RATE_LIMIT"),
    # risk
    ("above the grant's highest risk", OPEN, CALM, {"name": "fs_write"}, {}, "REQUIRE_APPROVAL"),
    ("at the ceiling", WIDE, CALM, {"name": "fs_write"}, {}, "ALLOW_POLICY_MATCH"),
    ("above the ceiling", WIDE, CALM, {"name": "db/drop"}, {}, "REQUIRE_APPROVAL"),
    ("raised above it", OPEN, CALM, {}, RAISED, "REQUIRE_APPROVAL"),
    ("a lower proposal", OPEN, CALM, {}, {"arguments": examined(risk=Risk.HIGH)}, "ALLOW_POLICY_MATCH"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("policy", "state", "who", "found", "answer"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE]
)
def test_a_situation_has_its_answer(
    policy: Snapshot, state: Incident | None, who: dict[str, Any], found: dict[str, Any], answer: str
) -> None:
    assert short(decide(index_of(policy), state, call(**who), facts(**found), NOW)) == answer


@pytest.mark.parametrize("state", [incident("server:files"), CALM, incident("risk:MEDIUM", "all")])
@pytest.mark.parametrize("policy", [HELD, CHANGED, OPEN])
def test_killed_held_or_changed_is_told_only_to_those_with_a_matching_allow(policy: Snapshot, state: Incident) -> None:
    index = index_of(policy)
    mine = decide(index, state, call(), facts(), NOW)
    theirs = decide(index, state, call(who=caller("eve")), facts(), NOW)
    assert mine.told == mine.reasons
    assert theirs.told == ("DENY_NO_MATCHING_RULE",)
    if mine.result == "deny":
        assert theirs.reasons == mine.reasons


def test_a_deny_is_no_right_to_know() -> None:
    decision = decide(index_of(snapshot(grant(effect="deny"))), incident("all"), call(), facts(), NOW)
    assert decision.told == ("DENY_NO_MATCHING_RULE",)


def test_an_unknown_tool_is_not_found_even_when_all_is_killed() -> None:
    decision = decide(index_of(OPEN), incident("all"), call("nope"), facts(), NOW)
    assert decision.told == ("DENY_TOOL_NOT_FOUND",)
    assert decision.reasons[0] == "DENY_KILL_SWITCH"


def test_every_raised_switch_that_matches_is_named() -> None:
    state = incident("server:files", "server:other", "tool:files/fs_read")
    assert decide(index_of(OPEN), state, call(), facts(), NOW).kill_switch_ids == ("k1", "k3")


def test_a_decision_names_the_grant_and_the_policy_that_made_it() -> None:
    decision = decide(index_of(OPEN), CALM, call(), facts(), NOW)
    assert (decision.policy_id, decision.snapshot_version, decision.incident_epoch) == ("g1", 7, 3)
    assert decision.risk is Risk.MEDIUM
    denied = decide(index_of(snapshot(grant("b", **DENY), grant("a", **DENY), grant("0"))), CALM, call(), facts(), NOW)
    assert denied.policy_id == "a"


def test_the_highest_max_risk_decides_and_then_the_lowest_id() -> None:
    policy = snapshot(
        grant("a", max_risk=Risk.LOW), grant("c", max_risk=Risk.HIGH), grant("b", max_risk=Risk.HIGH), grant("d")
    )
    decision = decide(index_of(policy), CALM, call("fs_write"), facts(), NOW)
    assert (decision.result, decision.policy_id) == ("allow", "b")


def test_a_grant_without_room_leaves_the_call_to_the_next_one() -> None:
    policy = snapshot(grant("a", max_risk=Risk.HIGH, rate="1/hour"), grant("b", max_risk=Risk.LOW))
    spent = facts(rates={"a": 0.0})
    assert decide(index_of(policy), CALM, call(), facts(), NOW).policy_id == "a"
    decision = decide(index_of(policy), CALM, call(), spent, NOW)
    assert (decision.result, decision.policy_id) == ("require_approval", "b")


def test_a_refusal_for_the_rate_says_when_to_come_back() -> None:
    policy = snapshot(grant("a", rate="1/minute"), grant("b", rate="1/hour"), grant("c", rate="often"))
    spent = facts(rates={"a": 0.5, "b": 0.5})
    assert decide(index_of(policy), CALM, call(), spent, NOW).retry_after_s == pytest.approx(30)
    unreadable = decide(index_of(snapshot(grant(rate="often"))), CALM, call(), facts(), NOW)
    assert unreadable.retry_after_s is None
    server = decide(index_of(snapshot(grant(), rate="1/minute")), CALM, call(), facts(rates={"server": 0.75}), NOW)
    assert server.retry_after_s == pytest.approx(15)


def test_the_trust_level_of_the_kill_is_the_servers() -> None:
    policy = snapshot(grant(), trust=trust(name=TrustLevel.COMMUNITY))
    assert short(decide(index_of(policy), incident("trust:community"), call(), facts(), NOW)) == KILLED


def test_a_call_without_a_session_is_in_nobodys_session() -> None:
    alone = call(who=dataclasses.replace(caller(), session_id=None, token_id=None))
    state = incident("session:None", quarantined=("session:None",), revoked_tokens=("None",))
    assert decide(index_of(OPEN), state, alone, facts(), NOW).result == "allow"


@pytest.mark.parametrize(
    ("blocked", "names_url", "reasons"),
    [
        (True, True, "DENY_EGRESS_BLOCKED"),
        (True, False, "ALLOW_POLICY_MATCH"),
        (False, True, "ALLOW_POLICY_MATCH"),
    ],
)
def test_a_server_whose_egress_is_blocked_gets_no_call_that_names_a_url(
    blocked: bool, names_url: bool, reasons: str
) -> None:
    found = facts(arguments=examined(names_url=names_url))
    assert short(decide(index_of(OPEN), incident(egress_blocked=blocked), call(), found, NOW)) == reasons
