"""The sections `grants` and `kill_switches`."""

from dataclasses import replace

from controlplane.grants.models import Effect
from controlplane.grants.specs import GrantSpec, content_key
from controlplane.policy.declarative.draft import Draft
from controlplane.policy.declarative.policy import KillSpec
from controlplane.policy.declarative.rates import read_rate
from controlplane.policy.declarative.reader import Reader
from controlplane.principals.specs import PrincipalKey
from enforcer.contract.levels import Risk, TrustLevel
from enforcer.contract.targets import Target, parse_target
from enforcer.policy.index import SERVER_BUCKET

NOWHERE = "server: and tools:, or trust: and/or risk: instead of them"
EFFECTS = tuple(Effect.values)
NAMES_SERVER = ("server", "tool", "credential")


def read_grant(reader: Reader, draft: Draft) -> None:
    """Known by its `id`, else by the hash of its content."""
    key = reader.ident("id", default="")
    if key == SERVER_BUCKET:
        reader.wrong("id", f"{key!r} is what the server's own rate is called", "another id")
    reader.not_served("resources")
    reader.not_served("prompts")
    _check_deny(reader)
    principal, group = _read_who(reader, draft)
    grant = GrantSpec(
        effect=reader.choice("effect", EFFECTS, default=Effect.ALLOW),
        principal=principal,
        group=group,
        server_id=reader.ident("server", default=""),
        tools=sorted(set(reader.texts("tools") or [])),
        trust=reader.choice("trust", TrustLevel, default=""),
        risk=reader.choice("risk", Risk, default=""),
        max_risk=Risk(reader.choice("max_risk", Risk, default=Risk.MEDIUM)),
        constraint=reader.mapping("constraint"),
        rate=read_rate(reader),
        not_before=reader.time("not_before"),
        not_after=reader.time("not_after"),
        reason=reader.text("reason", default="", longest=2000, free=True),
        ticket=reader.text("ticket", default="", longest=200),
    )
    _check_what(reader, grant)
    grant = replace(grant, key=key or content_key(grant))
    draft.add("grants", grant.key, grant, reader)


def read_kill_switch(reader: Reader, draft: Draft) -> None:
    """A switch that is to be up; one that isn't named stays as it is, and one that is up may be named again."""
    raised = draft.rows.kill_switches.get(str(reader.raw("target")))
    if raised and isinstance(reader.raw("reason"), str):
        draft.add("kill_switches", raised.target, raised, reader)
        return
    switch = KillSpec(target=reader.text("target", longest=512), reason=reader.text("reason", longest=2000, free=True))
    problem = parse_target(switch.target)
    if switch.target and isinstance(problem, str):
        reader.wrong("target", *_halves(problem))
    elif isinstance(problem, Target) and problem.kind in NAMES_SERVER:
        server = problem.server or problem.name
        if server not in draft.said.servers and server not in draft.current.servers:
            reader.wrong("target", f"server {server!r} is not declared", "the id of one that is")
    draft.add("kill_switches", switch.target, switch, reader)


def _check_what(reader: Reader, grant: GrantSpec) -> None:
    if grant.server_id and (grant.trust or grant.risk):
        reader.wrong("trust" if grant.trust else "risk", "a selector stands instead of server and tools", NOWHERE)
    elif grant.server_id and not grant.tools:
        reader.wrong("tools", "names no tool", 'names or globs of tools; ["*"] for every one')
    elif grant.tools and not grant.server_id:
        reader.wrong("tools", "a tool is always of one server", NOWHERE)
    elif not (grant.server_id or grant.trust or grant.risk):
        reader.wrong((), "says nothing of what is granted", NOWHERE)


def _check_deny(reader: Reader) -> None:
    if reader.raw("effect") == Effect.DENY:
        for key in ("max_risk", "rate"):
            if key in reader:
                reader.wrong(key, f"a deny has no {key}", "leave it out")


def _read_who(reader: Reader, draft: Draft) -> tuple[PrincipalKey | None, str]:
    subject = reader.text("principal", default="")
    issuer = reader.text("issuer", default="", longest=512)
    group = reader.text("group", default="")
    if bool(subject) == bool(group):
        reader.wrong((), "names both" if group else "names nobody", "either principal: or group:")
        return None, group
    if group:
        if group not in draft.said.groups and group not in draft.current.groups:
            reader.wrong("group", f"group {group!r} is not declared", "declare it under groups: or at a principal")
        return None, group
    return _principal(reader, draft, subject, issuer), ""


def _principal(reader: Reader, draft: Draft, subject: str, issuer: str) -> PrincipalKey | None:
    """The file's own principals first; an ambiguous name is refused."""
    for subjects in draft.subjects():
        found = [key for key in subjects.get(subject, []) if issuer in ("", key.issuer)]
        if len(found) == 1:
            return found[0]
        if found:
            reader.wrong("principal", f"{subject!r} is declared for {len(found)} issuers", "say which with issuer:")
            return None
    reader.wrong("principal", f"principal {subject!r} is not declared", "declare it under principals:")
    return None


def _halves(problem: str) -> tuple[str, str]:
    for sign in ("; ", ": write ", ": "):
        what, found, right = problem.rpartition(sign)
        if found:
            return what, right
    return problem, "a target"
