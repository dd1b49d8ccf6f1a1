"""A small policy that tests change one thing of."""

from typing import Any

from enforcer.contract.incident import Incident, KillSwitch, RevokedPrincipal
from enforcer.contract.levels import Risk, TrustLevel
from enforcer.contract.snapshot import (
    Credential,
    GrantPolicy,
    Limits,
    PrincipalPolicy,
    Sandbox,
    ServerPolicy,
    Snapshot,
    ToolPolicy,
    TrustPolicy,
)
from enforcer.contract.times import to_text
from enforcer.policy.arguments import ArgumentFacts
from enforcer.policy.call import Call, Caller
from enforcer.policy.decision import Decision, Facts
from enforcer.policy.index import Index, build_index

NOW = 1_700_000_000.0
ANY_OBJECT: dict[str, Any] = {"type": "object", "additionalProperties": True}
PAST, FUTURE = to_text(NOW - 60), to_text(NOW + 60)


def grant(name: str = "g1", **changes: Any) -> GrantPolicy:
    """An allow of everything."""
    return GrantPolicy(**{"id": name, "effect": "allow", "tools": ("*",), **changes})


def tool(name: str = "fs_read", **changes: Any) -> ToolPolicy:
    """A reviewed tool of MEDIUM risk."""
    fields = {"risk": Risk.MEDIUM, "state": "reviewed", "input_schema": ANY_OBJECT, "declared": True}
    return ToolPolicy(**{"name": name, **fields, **changes})


def trust(**changes: Any) -> TrustPolicy:
    """A level that tolerates HIGH."""
    fields = {"name": TrustLevel.INTERNAL, "ceiling": Risk.HIGH, "pins": "required"}
    return TrustPolicy(**{**fields, "stale_high_s": 60, "stale_all_s": 900, **changes})


def snapshot(*grants: GrantPolicy, **changes: Any) -> Snapshot:
    """Server `files`, its tools, and alice of finance who has all the grants."""
    alice = PrincipalPolicy(
        subject="alice", issuer="idp", actor_type="user", groups=("finance",), grants=tuple(g.id for g in grants)
    )
    rate = changes.pop("rate", None)
    server = ServerPolicy(
        id="files",
        title="",
        credential=Credential(mode="none"),
        sandbox=Sandbox(fs="none", net="none"),
        workspace="/srv/files",
        limits=Limits(rate=rate),
    )
    fields: dict[str, Any] = {
        "schema": 1,
        "generation": 1,
        "issued_at": to_text(NOW),
        "server_id": "files",
        "version": 7,
        "expires_at": to_text(NOW + 86400),
        "trust": trust(),
        "server": server,
        "token_keys": (),
        "tools": (tool(), tool("fs_write", risk=Risk.HIGH), tool("db/drop", risk=Risk.CRITICAL)),
        "principals": (alice,),
        "grants": grants,
    }
    return Snapshot(**{**fields, **changes})


def index_of(made: Snapshot) -> Index:
    """That it loads is part of the test."""
    built = build_index(made)
    assert isinstance(built, Index), built
    return built


def incident(*targets: str, **changes: Any) -> Incident:
    """With a switch raised on each target."""
    switches = tuple(KillSwitch(id=f"k{n}", target=target) for n, target in enumerate(targets, 1))
    fields = {"schema": 1, "generation": 1, "issued_at": to_text(NOW), "server_id": "files", "epoch": 3}
    return Incident(**{**fields, "kill_switches": switches, **changes})


def revoke(subject: str = "alice", issuer: str = "idp") -> Incident:
    """Every token of the principal."""
    return incident(revoked_principals=(RevokedPrincipal(subject=subject, issuer=issuer),))


def caller(subject: str = "alice", **changes: Any) -> Caller:
    """Of the issuer `idp`, with a token and a session."""
    return Caller(**{"subject": subject, "issuer": "idp", "token_id": "t1", "session_id": "s1", **changes})


def call(name: str = "fs_read", who: Caller | None = None, **changes: Any) -> Call:
    """Through the enforcer `probe`."""
    fields = {"enforcer_id": "probe", "server_id": "files", "tool": name, "caller": who or caller()}
    return Call(**{**fields, **changes})


def examined(
    problem: tuple[Any, str] | None = None, risk: Risk | None = None, *, names_url: bool = False
) -> ArgumentFacts:
    """What was found in arguments."""
    return ArgumentFacts(problem=problem, resolved={}, paths=(), urls=(), risk=risk, names_url=names_url)


def facts(**changes: Any) -> Facts:
    """Fresh, unchanged, fitting arguments."""
    return Facts(**{"lease_age_s": 1.0, "definition": "same", "arguments": examined(), **changes})


def short(decision: Decision) -> str:
    """The reasons; the first says what the result is."""
    main = decision.reasons[0].partition("_")[0]
    assert decision.result == {"ALLOW": "allow", "DENY": "deny", "REQUIRE": "require_approval"}[main]
    return " ".join(decision.reasons)
