"""The control plane's own tokens: a row says who got what, the publisher signs what the row says."""

import secrets
from datetime import timedelta

from django.utils import timezone

from controlplane.common.actor import Actor, Right
from controlplane.common.errors import InvalidState
from controlplane.common.services import service
from controlplane.inventory.models import Server
from controlplane.policy.signing import ask
from controlplane.principals.models import OWN_ISSUER, ActorType, IssuedToken, Principal
from controlplane.receipts.services import record_admin_receipt
from enforcer.contract.strict_json import JsonObject
from enforcer.contract.times import to_text
from enforcer.identity.tokens import issue_claims

LONGEST_S = 365 * 86400


def issue_token(*, subject: str, server_id: str | None, ttl_s: int, actor: Actor) -> str:
    """A signed token; without a server it is for every one where the subject has grants. It is stored nowhere."""
    row = _record(subject=subject, server_id=server_id, ttl_s=ttl_s, actor=actor)
    token = ask("token", {"jti": row.jti})["token"]
    assert isinstance(token, str)
    return token


def is_declared(subject: str) -> bool:
    """Whether a token of this subject can match any grant."""
    return Principal.objects.filter(issuer=OWN_ISSUER, subject=subject).exists()


def claims_of(jti: str) -> JsonObject:
    """What the row says; raises `InvalidState` where there is none, or it has expired."""
    row = IssuedToken.objects.filter(jti=jti, expires_at__gt=timezone.now()).first()
    if row is None:
        raise InvalidState("no_such_token", "nobody issued that token")
    return issue_claims(
        subject=row.subject,
        server_id=row.server_id or None,
        token_id=row.jti,
        now=row.issued_at.timestamp(),
        ttl_s=(row.expires_at - row.issued_at).total_seconds(),
        actor_type=row.actor_type,
    )


@service(Right.ISSUE_TOKENS)
def _record(*, subject: str, server_id: str | None, ttl_s: int, actor: Actor) -> IssuedToken:
    if not subject or len(subject) > 255:
        raise InvalidState("SUBJECT", "is empty or too long; write the subject of a principal")
    if not 1 <= ttl_s <= LONGEST_S:
        raise InvalidState("--ttl", f"{ttl_s} is out of range; write seconds from 1 to {LONGEST_S}")
    if server_id is not None and not Server.objects.filter(id=server_id, retired=False).exists():
        raise InvalidState("--server", f"there is no server {server_id!r}; write the id of one that exists")
    now = timezone.now()
    known = Principal.objects.filter(issuer=OWN_ISSUER, subject=subject).first()
    row = IssuedToken.objects.create(
        jti=secrets.token_urlsafe(18),
        subject=subject,
        actor_type=known.actor_type if known else ActorType.USER,
        server_id=server_id or "",
        issued_by=actor.name,
        issued_at=now,
        expires_at=now + timedelta(seconds=ttl_s),
    )
    detail: JsonObject = {"jti": row.jti, "subject": subject, "expires_at": to_text(row.expires_at.timestamp())}
    record_admin_receipt(actor=actor.name, action="token.issue", detail={**detail, "audience": server_id or OWN_ISSUER})
    return row
