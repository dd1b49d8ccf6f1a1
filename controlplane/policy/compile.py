"""Models → the snapshot of one server: only what its enforcers need, sorted, so that equal policy gives equal bytes.

A snapshot that the enforcer's own loader refuses is refused here, before anybody signs it.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec
from django.db.models import Q, QuerySet

from controlplane.common.errors import InvalidState
from controlplane.grants.compile import grant_policy
from controlplane.grants.models import Grant
from controlplane.grants.reach import grants_on
from controlplane.inventory.compile import critical_patterns, server_policy, tool_policy, tools_of, trust_policy
from controlplane.inventory.models import Server, Tool
from controlplane.principals.compile import identity_provider
from controlplane.principals.models import IdentityProvider as ProviderRow
from controlplane.principals.models import Principal
from enforcer.contract.documents import SCHEMA, DocumentError, read, write
from enforcer.contract.envelope import MAX_BYTES
from enforcer.contract.snapshot import GrantPolicy, PrincipalPolicy, Snapshot
from enforcer.contract.times import to_text
from enforcer.policy.index import Index, IndexProblem, build_index, outline

LIFE = timedelta(days=30)
# Signed, of one server. Half of what an enforcer reads: what grows by itself past this is still published
LARGEST = MAX_BYTES // 2


def compile_snapshot(
    server: Server, *, version: int, generation: int, now: datetime, token_keys: tuple[str, ...]
) -> Snapshot:
    """The policy of this server as the rows say now; raises `InvalidState` where the enforcer could not load it."""
    providers = ProviderRow.objects.order_by("issuer")
    snapshot = snapshot_of(server, callers_of(grants_on(server)), tools_of(server), providers, now=now)
    snapshot = msgspec.structs.replace(
        snapshot,
        version=version,
        generation=generation,
        token_keys=token_keys,
        critical_patterns=critical_patterns(),
    )
    _refuse_unloadable(snapshot)
    return snapshot


def check_size(snapshot: Snapshot) -> None:
    """Raises `InvalidState` for one that no edit may make."""
    size = len(write(snapshot)) * 4 // 3  # base64
    if size > LARGEST:
        pairs = sum(len(principal.grants) for principal in snapshot.principals)
        holds = f"{len(snapshot.principals)} principals with {pairs} grants, {len(snapshot.tools)} tools"
        raise InvalidState(
            "too_large",
            f"server {snapshot.server_id}: its policy would have {size} bytes signed, {LARGEST} are allowed; {holds}",
        )


def outline_of(server: Server, callers: "Callers", tools: Iterable[Tool], *, now: datetime) -> Index:
    """Who may call what of these tools; raises `InvalidState`."""
    made = outline(snapshot_of(server, callers, tools, (), now=now))
    if isinstance(made, IndexProblem):
        raise InvalidState("snapshot_refused", f"server {server.id}: {made.detail}")
    return made


def snapshot_of(
    server: Server, callers: "Callers", tools: Iterable[Tool], providers: Iterable[ProviderRow], *, now: datetime
) -> Snapshot:
    """Unnumbered, and of no tokens: what is asked of it is decided here."""
    return Snapshot(
        schema=SCHEMA,
        generation=1,
        issued_at=to_text(now.timestamp()),
        server_id=server.id,
        version=1,
        expires_at=to_text((now + LIFE).timestamp()),
        trust=trust_policy(server.trust_level),
        server=server_policy(server),
        token_keys=(),
        tools=tuple(tool_policy(tool) for tool in tools),
        principals=tuple(_principal(caller, grants) for caller, grants in callers),
        grants=_grants(callers),
        identity_providers=tuple(identity_provider(row) for row in providers),
    )


def _refuse_unloadable(snapshot: Snapshot) -> None:
    try:
        loaded = build_index(read(write(snapshot), Snapshot))
    except DocumentError as problem:
        loaded = IndexProblem(str(problem))
    if isinstance(loaded, IndexProblem):
        raise InvalidState("snapshot_refused", f"server {snapshot.server_id}: {loaded.detail}")


Callers = list[tuple[Principal, list[Grant]]]


def callers_of(grants: QuerySet[Grant]) -> Callers:
    """Principals with at least one of these grants, directly or through a group, groups flattened."""
    direct: dict[int, list[Grant]] = {}
    grouped: dict[int, list[Grant]] = {}
    for grant in grants:
        if grant.principal_id:
            direct.setdefault(grant.principal_id, []).append(grant)
        elif grant.group_id:
            grouped.setdefault(grant.group_id, []).append(grant)
    # two lists of keys: joined in one query, each principal would be looked up for every grant of the company
    unordered = grants.order_by()
    members = Principal.groups.through.objects.filter(group__in=unordered.values("group")).values("principal")
    found = Principal.objects.filter(Q(pk__in=unordered.values("principal")) | Q(pk__in=members))
    rows = found.order_by("issuer", "subject").prefetch_related("groups")
    return [
        (row, direct.get(row.pk, []) + [grant for group in row.groups.all() for grant in grouped.get(group.pk, [])])
        for row in rows
    ]


def _principal(row: Principal, grants: list[Grant]) -> PrincipalPolicy:
    return PrincipalPolicy(
        subject=row.subject,
        issuer=row.issuer,
        actor_type=row.actor_type,
        groups=tuple(sorted(group.name for group in row.groups.all())),
        grants=tuple(sorted(grant.key for grant in grants)),
    )


def _grants(callers: Callers) -> tuple[GrantPolicy, ...]:
    used = {grant.key: grant for _, grants in callers for grant in grants}
    return tuple(grant_policy(used[key]) for key in sorted(used))
