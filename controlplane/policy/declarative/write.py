"""The changes of a diff to the rows, through the services of the app that owns them, in the caller's transaction."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from django.db.models import Count

from controlplane.common.actor import Actor, Right
from controlplane.common.errors import InvalidState
from controlplane.credentials import services as credentials
from controlplane.credentials.specs import VaultBackendSpec
from controlplane.grants.services import create_grants, delete_grant, write_grant
from controlplane.grants.specs import GrantSpec
from controlplane.incidents.services import raise_kill
from controlplane.inventory import services as inventory
from controlplane.inventory.models import Server
from controlplane.inventory.specs import RiskPatternSpec, ServerSpec, ToolSpec, TrustLevelSpec
from controlplane.policy.compile import check_size, compile_snapshot
from controlplane.policy.declarative.access import before
from controlplane.policy.declarative.diff import Change
from controlplane.policy.declarative.outcome import Applied, NothingWritten
from controlplane.policy.declarative.policy import KillSpec, Spec
from controlplane.policy.declarative.problems import Problem
from controlplane.policy.declarative.undo import keep_undo
from controlplane.policy.services import policy_changed
from controlplane.principals import services as principals
from controlplane.principals.specs import GroupSpec, IdentityProviderSpec, PrincipalSpec
from controlplane.receipts.services import record_admin_receipt
from enforcer.contract.strict_json import JsonObject, JsonValue

CREATORS: dict[type, Callable[[Sequence[Any]], None]] = {
    GrantSpec: create_grants,
    PrincipalSpec: principals.create_principals,
    ToolSpec: inventory.create_tools,
}
RECORDED_LINES = 1000
LOADED_AT_SAVE = 20  # the publisher loads every snapshot; here a mistake is told at once where that is quick
RIGHTS = {"kill_switches": Right.RAISE_KILL, "vault_backends": Right.EDIT_CREDENTIALS}


@dataclass(frozen=True, slots=True)
class Written:
    """The changes to wait for, and what the edit comes to for people."""

    change_ids: tuple[int, ...]
    access: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Act:
    """How the edit is told of: the receipt's action and details, and the reason in the version history."""

    action: str
    reason: str
    detail: JsonObject


def write_changes(changes: Sequence[Change], server_ids: set[str], *, act: Act, actor: Actor, now: datetime) -> Written:
    """Write, check that enforcers can load it, record, publish. Raises `NothingWritten`."""
    for right in {RIGHTS.get(change.section, Right.EDIT_POLICY) for change in changes}:
        actor.require(right)
    access = try_changes(changes, server_ids, now)
    _refuse_unloadable(server_ids, now, growing=any(change.after is not None for change in changes))
    record_admin_receipt(actor=actor.name, action=act.action, detail={**act.detail, **_lines(changes)})
    edited = [policy_changed(server_ids=server_ids, actor=actor, reason=act.reason)] if server_ids else []
    for change_id in edited:
        keep_undo(change_id, changes)
    switches = [change.after for change in changes if isinstance(change.after, KillSpec)]
    raised = [raise_kill(target=s.target, reason=s.reason, actor=actor).change_id for s in switches]
    return Written((*(change_id for change_id in raised if change_id is not None), *edited), access)


def try_changes(changes: Sequence[Change], server_ids: set[str], now: datetime) -> tuple[str, ...]:
    """Write the rows alone, and say who can call more or less by them; a dry run rolls its transaction back."""
    was = before(server_ids, now)
    for creates, some in groupby(changes, _creator):
        if creates is None:
            for change in some:
                write(change)
        else:
            creates([change.after for change in some])
    return was.report(now)


def _creator(change: Change) -> Callable[[Sequence[Any]], None] | None:
    """What writes many new objects of a kind at once."""
    return CREATORS.get(type(change.after)) if change.before is None else None


def write(change: Change) -> None:
    """Make the change. Kill switches are raised elsewhere."""
    if change.after is not None:
        _put(change.after)
    elif change.before is not None:
        _remove(change.before)


def _refuse_unloadable(server_ids: Iterable[str], now: datetime, *, growing: bool) -> None:
    """What removes and adds nothing may leave a policy as large as it is: removals come first."""
    servers = Server.objects.filter(id__in=server_ids).annotate(weight=Count("grants")).order_by("-weight", "id")
    for server in servers[:LOADED_AT_SAVE]:
        try:
            made = compile_snapshot(server, version=1, generation=1, now=now, token_keys=())
            if growing:
                check_size(made)
        except InvalidState as refused:
            right = "fewer grants or members of groups, or some of its tools on a server of their own"
            right = right if refused.code == "too_large" else "a policy that the enforcer can load"
            problem = Problem((), str(refused), right)
            raise NothingWritten(Applied(problems=(problem,))) from None


def _lines(changes: Sequence[Change]) -> JsonObject:
    lines: list[JsonValue] = [change.line() for change in changes[:RECORDED_LINES]]
    return {"change_count": len(changes), "changes": lines}


def _put(spec: Spec) -> None:
    match spec:
        case TrustLevelSpec():
            inventory.write_trust_level(spec)
        case IdentityProviderSpec():
            principals.write_identity_provider(spec)
        case VaultBackendSpec():
            credentials.write_vault_backend(spec)
        case GroupSpec():
            principals.write_group(spec)
        case PrincipalSpec():
            principals.write_principal(spec)
        case ServerSpec():
            inventory.write_server(spec)
        case ToolSpec():
            inventory.write_tool(spec)
        case RiskPatternSpec():
            inventory.write_risk_pattern(spec)
        case GrantSpec():
            write_grant(spec)
        case KillSpec():
            pass


def _remove(spec: Spec) -> None:
    match spec:
        case IdentityProviderSpec():
            principals.delete_identity_provider(spec.issuer)
        case VaultBackendSpec():
            credentials.delete_vault_backend(spec.name)
        case GroupSpec():
            principals.delete_group(spec.name)
        case PrincipalSpec():
            principals.delete_principal(spec.key)
        case ServerSpec():
            inventory.retire_server(spec.id)
        case ToolSpec():
            inventory.delete_tool(spec.server_id, spec.name)
        case RiskPatternSpec():
            inventory.delete_risk_pattern(spec)
        case GrantSpec():
            delete_grant(spec.key)
        case TrustLevelSpec() | KillSpec():
            raise RuntimeError("a trust level or a kill switch is never pruned")
