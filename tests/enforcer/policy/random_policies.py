"""Random policies, calls and facts of a universe so small that things meet, and mostly calm, so that grants decide."""

from typing import Any, Literal

import msgspec
from hypothesis import strategies as st

from enforcer.contract.incident import Incident, RevokedPrincipal
from enforcer.contract.levels import Risk
from enforcer.contract.reasons import ReasonCode as R
from enforcer.contract.snapshot import GrantPolicy, PrincipalPolicy, Snapshot
from enforcer.contract.strict_json import JsonObject
from enforcer.contract.times import to_text
from enforcer.policy.call import Call
from enforcer.policy.decision import Facts
from tests.enforcer.policy.support import FUTURE, NOW, PAST, call, caller, examined, incident, snapshot, tool, trust

IF_A: JsonObject = {"properties": {"a": {"const": 1}}}
_NAMES = ("fs_read", "fs_write", "db/drop")
_risks = st.sampled_from(list(Risk))
_globs = st.sampled_from(
    ["*", "*", "fs_*", "fs_*", "fs_read", "*drop", "?s_read", "db/*", "db*", "", "FS_READ", "fs.*"]
)


def mostly(usual: Any, *odd: Any, out_of: int = 20) -> st.SearchStrategy[Any]:
    """The usual value, but for one draw in `out_of`."""
    return st.integers(1, out_of).flatmap(lambda n: st.sampled_from(odd) if n == out_of else st.just(usual))


_moments = mostly(None, PAST, FUTURE, to_text(NOW), "soon", "2023-13-01T00:00:00Z", out_of=6)


@st.composite
def grants(draw: st.DrawFn, effect: Literal["allow", "deny"] | None = None, name: str | None = None) -> GrantPolicy:
    """Any grant; one in four denies."""
    tools = draw(st.lists(_globs, min_size=1, max_size=2) | st.just([]))
    return GrantPolicy(
        id=name or draw(st.sampled_from("abcdef")),
        effect=draw(mostly("allow", "deny", out_of=4) if effect is None else st.just(effect)),
        tools=tuple(tools),
        risk=draw(_risks) if not tools else draw(mostly(None, *Risk, out_of=4)),
        max_risk=draw(_risks),
        constraint=draw(st.sampled_from([None, None, IF_A])),
        rate=draw(mostly(None, "1/minute", "5/day", "often", "0/day", out_of=3)),
        not_before=draw(_moments),
        not_after=draw(_moments),
    )


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    """Any snapshot that loads."""
    found = draw(st.lists(grants(), min_size=1, max_size=6, unique_by=lambda g: g.id))
    ids = [g.id for g in found]
    principals = [
        PrincipalPolicy(
            subject=subject,
            issuer="idp",
            actor_type="user",
            groups=tuple(draw(st.lists(st.sampled_from(["finance", "ops"]), unique=True))),
            grants=tuple(draw(st.just(ids) | st.lists(st.sampled_from(ids), unique=True))),
        )
        for subject in ("alice", "bob")
    ]
    states = mostly("reviewed", "unreviewed", "changed", "quarantined", out_of=6)
    tools = [
        tool(name, risk=draw(_risks), state=draw(states), declared=draw(mostly(True, False, out_of=4)))
        for name in _NAMES
    ]
    level = trust(
        ceiling=draw(_risks),
        pins=draw(st.sampled_from(["required", "optional"])),
        stale_high_s=draw(mostly(60, 30, 1000)),
        stale_all_s=draw(mostly(900, 300)),
    )
    return snapshot(
        trust=level,
        tools=tuple(tools),
        grants=tuple(found),
        principals=tuple(principals),
        rate=draw(mostly(None, "10/minute", out_of=4)),
        expires_at=draw(mostly(FUTURE, PAST, to_text(NOW))),
    )


_PLACES = ("server:files", "server:other", "credential:files", "credential:other", "enforcer:probe", "enforcer:other")
_TOOLS = ("tool:files/fs_*", "tool:files/*", "tool:other/*", "risk:HIGH", "risk:CRITICAL", "trust:internal")
_WHO = ("principal:alice", "principal:bob", "group:finance", "group:ops", "session:s1", "session:s2")
_ODD = ("all", "trust:unknown", "planet:mars", "tool:files", "")
targets = st.sampled_from(_PLACES + _TOOLS + _WHO + _ODD)


@st.composite
def incidents(draw: st.DrawFn) -> Incident | None:
    """Mostly calm."""
    if draw(mostly(False, True)):
        return None
    revoked = [(RevokedPrincipal(subject=s, issuer=i),) for s in ("alice", "bob") for i in ("idp", "else")]
    switches = draw(st.integers(1, 6).flatmap(lambda n: st.lists(targets, max_size=2) if n == 1 else st.just([])))
    return incident(
        *switches,
        revoked_principals=draw(mostly((), *revoked, out_of=8)),
        revoked_tokens=draw(mostly((), ("t1",), ("t2",), out_of=8)),
        quarantined=draw(mostly((), ("principal:bob",), ("session:s1", "session:s9"), ("odd",), out_of=8)),
        egress_blocked=draw(mostly(False, True, out_of=4)),
        server_id=draw(mostly("files", "other")),
    )


@st.composite
def calls(draw: st.DrawFn) -> Call:
    """By alice, bob or nobody known."""
    who = caller(
        draw(mostly("alice", "bob", "eve", out_of=4)),
        issuer=draw(mostly("idp", "else")),
        token_id=draw(mostly("t1", None, out_of=4)),
        session_id=draw(mostly("s1", None, out_of=4)),
    )
    name = draw(st.sampled_from(["fs_read", "fs_read", "fs_write", "db/drop"]))
    return call(draw(mostly(name, "unknown")), who, server_id=draw(mostly("files", "other")))


@st.composite
def any_facts(draw: st.DrawFn) -> Facts:
    """Any facts that the pipeline could find."""
    problem = draw(mostly(None, (R.DENY_UNKNOWN_FIELDS, "x"), (R.DENY_PATH_TRAVERSAL, "x"), out_of=6))
    found = examined(
        problem, draw(mostly(None, Risk.CRITICAL, Risk.HIGH, out_of=6)), names_url=draw(mostly(False, True))
    )
    left = st.sampled_from([0.0, 0.5, 1.0, 3.0, float("nan")])
    ages = (0.0, 30.5, 61.0, 301.0, 901.0, -1.0, float("inf"), float("nan"), None)
    return Facts(
        lease_age_s=draw(mostly(1.0, *ages, out_of=5)),
        definition=draw(mostly("same", "unseen", "changed", out_of=5)),
        arguments=draw(mostly(found, None)),
        constraints={name: draw(st.sampled_from(["pass", "fail", "error"])) for name in draw(_names_of("abcdef"))},
        rates={name: draw(left) for name in draw(_names_of([*"abcdef", "server"]))},
    )


def _names_of(names: Any) -> st.SearchStrategy[list[str]]:
    return st.just(list(names)) | st.lists(st.sampled_from(names), unique=True)


def with_grants(made: Snapshot, everything: list[GrantPolicy]) -> Snapshot:
    """The same policy with these grants instead; whoever had a grant that is gone has it no more."""
    ids = {g.id for g in everything}
    kept = [msgspec.structs.replace(p, grants=tuple(g for g in p.grants if g in ids)) for p in made.principals]
    return msgspec.structs.replace(made, grants=tuple(everything), principals=tuple(kept))
