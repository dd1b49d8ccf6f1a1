"""After a restore from backup: what the newest signed documents still stop, and what the restored rows allow again.

Enforcers run on documents that the restored database doesn't know, and Redis has them. What they stop is kept; what the
rows newly allow is told, for whoever restores to accept.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar, cast

import redis
from django.utils import timezone

from controlplane.common.actor import Actor
from controlplane.common.errors import DomainError
from controlplane.incidents import services
from controlplane.incidents.models import EgressBlock, KillSwitch, Quarantine, RevokedPrincipal, RevokedToken
from controlplane.policy.declarative.access import lines, nothing_stopped, outline_now
from controlplane.policy.models import Published, SignedDocument
from enforcer.contract import redis_names
from enforcer.contract.documents import DocumentError, read
from enforcer.contract.envelope import EnvelopeError, PayloadType, unseal
from enforcer.contract.fleet import KeyList
from enforcer.contract.incident import Incident
from enforcer.contract.keys import PublicKey, Role
from enforcer.contract.snapshot import Snapshot
from enforcer.policy.effective import difference
from enforcer.policy.index import Index, outline

TOKEN_LIFE = timedelta(days=400)  # of a revoked token of whose end nothing is known any more
N = TypeVar("N", Incident, Snapshot)


@dataclass(frozen=True, slots=True)
class Newer:
    """What Redis holds beyond the rows, by server."""

    incidents: dict[str, Incident] = field(default_factory=dict)
    snapshots: dict[str, Snapshot] = field(default_factory=dict)

    def wider(self, now: datetime) -> Iterator[str]:
        """Who could call by the restored rows what they couldn't call any more; a policy too large is told as that."""
        for server_id, snapshot in self.snapshots.items():
            was, will = outline(snapshot), outline_now(server_id, now)
            if not isinstance(was, Index) or isinstance(will, str):
                yield f"who can call what on {server_id} can't be compared: too large"
                continue
            found = difference(was, will, nothing_stopped(server_id, now), now.timestamp())
            if not found.whole:
                yield f"who can call what on {server_id} can't be compared whole: too large"
            yield from (line for line in lines(server_id, found) if found.wider and line.startswith("newly"))

    def keep_stops(self, *, actor: Actor, reason: str) -> Iterator[str]:
        """Stop again what was stopped, one line each. What can't be is told too."""
        for what, act in _acts(self.incidents.values(), actor, reason):
            try:
                act()
            except DomainError as problem:
                yield f"could not be kept: {what}: {problem.message}"
            else:
                yield f"kept: {what}"


def newer_in_redis(client: redis.Redis, keys: KeyList) -> Newer:
    """Genuine documents that the rows don't know, of numbers not below their own; raises `redis.RedisError`.

    A restored database may have given out a number again: then the document in Redis is another one of that number.
    """
    found = Newer()
    for row in Published.objects.select_related("incident", "snapshot"):
        id_ = row.server_id
        signers, name = keys.of(Role.INCIDENT), redis_names.incident(id_)
        incident = _genuine(client, name, PayloadType.INCIDENT, signers, Incident, row.incident)
        signers, name = keys.of(Role.POLICY), redis_names.snapshot(id_)
        snapshot = _genuine(client, name, PayloadType.SNAPSHOT, signers, Snapshot, row.snapshot)
        if incident is not None and incident.server_id == id_:
            found.incidents[id_] = incident
        if snapshot is not None and snapshot.server_id == id_:
            found.snapshots[id_] = snapshot
    return found


def _genuine(
    client: redis.Redis,
    name: str,
    kind: PayloadType,
    signers: Mapping[str, PublicKey],
    model: type[N],
    known: SignedDocument | None,
) -> N | None:
    raw = cast("bytes | None", client.get(name))
    if raw is None or (known is not None and raw == known.envelope.encode()):
        return None
    try:
        found = read(unseal(raw, kind, signers), model)
    except (EnvelopeError, DocumentError):
        return None
    return found if known is None or found.order >= (known.generation, known.number) else None


def _acts(states: Iterable[Incident], actor: Actor, reason: str) -> Iterator[tuple[str, Callable[[], object]]]:
    """What is stopped in these states and in no row, once each, with the act that stops it."""
    raised = set(KillSwitch.objects.filter(lowered_at__isnull=True).values_list("target", flat=True))
    people = set(RevokedPrincipal.objects.values_list("subject", "issuer"))
    tokens = set(RevokedToken.objects.values_list("jti", flat=True))
    held = set(Quarantine.objects.values_list("target", flat=True))
    ends = timezone.now() + TOKEN_LIFE
    listed = list(states)
    for target in sorted({one.target for state in listed for one in state.kill_switches} - raised):
        yield f"kill switch on {target}", partial(services.raise_kill, target=target, reason=reason, actor=actor)
    for subject, issuer in sorted({(w.subject, w.issuer) for s in listed for w in s.revoked_principals} - people):
        act = partial(services.revoke_principal, subject=subject, issuer=issuer, reason=reason, actor=actor)
        yield f"revocation of {subject} of {issuer}", act
    for jti in sorted({jti for state in listed for jti in state.revoked_tokens} - tokens):
        yield (
            f"revocation of the token {jti}",
            partial(services.revoke_token, jti=jti, expires_at=ends, reason=reason, actor=actor),
        )
    for target in sorted({target for state in listed for target in state.quarantined} - held):
        yield f"quarantine of {target}", partial(services.quarantine, target=target, reason=reason, actor=actor)
    cut = set(EgressBlock.objects.values_list("server_id", flat=True))
    for server in sorted({state.server_id for state in listed if state.egress_blocked} - cut):
        act = partial(services.block_egress, server=server, reason=reason, actor=actor)
        yield f"egress block of {server}", act
