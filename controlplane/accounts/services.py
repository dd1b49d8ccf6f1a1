"""The only writer of users, roles and API tokens. Each act leaves an admin receipt."""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import timedelta

from django.contrib.auth.models import Group
from django.contrib.sessions.models import Session
from django.db.models import QuerySet
from django.utils import timezone

from controlplane.accounts.links import password_link
from controlplane.accounts.models import ApiToken, User
from controlplane.accounts.roles import ROLES
from controlplane.common.actor import Actor, Right, actor_with
from controlplane.common.errors import Conflict, InvalidState
from controlplane.common.services import service
from controlplane.receipts.services import record_admin_receipt
from enforcer.contract.strict_json import JsonObject

LONGEST_DAYS = 366
USED_EVERY = timedelta(minutes=1)


@service(Right.MANAGE_PEOPLE)
def create_user(*, username: str, email: str = "", roles: Iterable[str], actor: Actor) -> User:
    """Without a password: it is set through a one-time link."""
    if User.objects.filter(username=username).exists():
        raise Conflict("username", f"there is a user {username!r}")
    user = User(username=username, email=email, is_staff=True)
    user.set_unusable_password()
    user.full_clean(exclude=["password"])
    user.save()
    _give(user, roles)
    detail: JsonObject = {"username": username, "roles": [*sorted(roles)]}
    record_admin_receipt(actor=actor.name, action="user.create", detail=detail)
    return user


@service(Right.MANAGE_PEOPLE)
def change_user(*, user: User, email: str, roles: Iterable[str], active: bool, actor: Actor) -> User:
    """Whoever loses or gains a role signs in anew; nobody changes their own roles or closes their own account."""
    before = set(user.groups.values_list("name", flat=True))
    after = set(roles)
    changed = before != after or user.is_active != active
    if changed and user.get_username() == actor.name:
        raise InvalidState("roles", "nobody changes their own roles; ask another admin")
    user.email, user.is_active, user.is_staff = email, active, True
    user.save(update_fields=["email", "is_active", "is_staff"])
    _give(user, after)
    if changed:
        end_sessions(user)
    detail: JsonObject = {"username": user.get_username(), "roles": [*sorted(after)], "active": active}
    record_admin_receipt(actor=actor.name, action="user.change", detail=detail)
    return user


@service(Right.MANAGE_PEOPLE)
def new_password_link(*, user: User, actor: Actor) -> str:
    """A one-time link for whoever is to set the user's password; raises `InvalidState` for one that is switched off."""
    if not user.is_active:
        raise InvalidState("active", f"{user.get_username()} is switched off; switch the account on first")
    record_admin_receipt(actor=actor.name, action="user.password_link", detail={"username": user.get_username()})
    return password_link(user)


def live_sessions(user: User) -> list[Session]:
    """Sessions hold no column for their user, so each live one is looked into."""
    alive = Session.objects.filter(expire_date__gt=timezone.now()).order_by("expire_date")
    return [session for session in alive.iterator() if session.get_decoded().get("_auth_user_id") == str(user.pk)]


def end_sessions(user: User, *, but: str | None = None) -> int:
    """All of the user's, but perhaps the one of this key; how many ended."""
    ending = [session for session in live_sessions(user) if session.session_key != but]
    for session in ending:
        session.delete()
    return len(ending)


@service(Right.MANAGE_PEOPLE)
def create_api_token(*, name: str, scopes: Iterable[str], days: int, actor: Actor) -> tuple[ApiToken, str]:
    """The row, and the token, which is shown once. Nobody gives a scope that they don't have themselves."""
    wanted = sorted(set(scopes))
    known = {right.value for right in Right}
    if unknown := [scope for scope in wanted if scope not in known]:
        raise InvalidState("scope", f"{unknown[0]!r} is no scope; known are {', '.join(sorted(known))}")
    if not wanted:
        raise InvalidState("scope", "a token without a scope may do nothing; name at least one")
    for scope in wanted:
        actor.require(Right(scope))
    if not name.strip() or len(name) > 100 or not name.isprintable():
        raise InvalidState("name", "is empty, too long or not printable; write what the token is for")
    if not 1 <= days <= LONGEST_DAYS:
        raise InvalidState("days", f"{days} is out of range; write 1 to {LONGEST_DAYS}")
    secret = secrets.token_urlsafe(32)
    row = ApiToken.objects.create(
        name=name.strip(),
        secret_sha256=_sha256(secret),
        scopes=wanted,
        created_by=actor.name,
        expires_at=timezone.now() + timedelta(days=days),
    )
    detail: JsonObject = {"key": row.key, "name": row.name, "scopes": [*wanted], "days": days}
    record_admin_receipt(actor=actor.name, action="api_token.create", detail=detail)
    return row, f"dbk_{row.key}_{secret}"


@service(Right.MANAGE_PEOPLE)
def revoke_api_token(*, key: str, actor: Actor, reason: str = "") -> None:
    """At once and for good."""
    changed = ApiToken.objects.filter(key=key, revoked_at__isnull=True).update(
        revoked_at=timezone.now(), revoked_by=actor.name
    )
    if not changed:
        raise InvalidState("not_there", "there is no such live token")
    record_admin_receipt(actor=actor.name, action="api_token.revoke", detail={"key": key, "reason": reason})


def live_tokens_of(creator: str) -> QuerySet[ApiToken]:
    """What somebody created and nobody revoked: it outlives their roles."""
    live = ApiToken.objects.filter(created_by=creator, revoked_at__isnull=True, expires_at__gt=timezone.now())
    return live.order_by("name", "key")


def actor_of_token(text: str) -> Actor | None:
    """Whoever the token speaks for; nothing where it is unknown, wrong, expired or revoked."""
    word, _, rest = text.partition("_")
    key, _, secret = rest.partition("_")
    row = ApiToken.objects.filter(key=key).first() if word == "dbk" else None
    good = row is not None and hmac.compare_digest(row.secret_sha256, _sha256(secret))
    now = timezone.now()
    if row is None or not good or row.revoked_at is not None or row.expires_at <= now:
        return None
    if row.last_used_at is None or now - row.last_used_at > USED_EVERY:
        ApiToken.objects.filter(key=row.key).update(last_used_at=now)
    return actor_with(f"token:{row.name}", row.scopes)


def _give(user: User, roles: Iterable[str]) -> None:
    wanted = set(roles)
    if unknown := wanted - ROLES.keys():
        raise InvalidState("roles", f"{min(unknown)!r} is no role; known are {', '.join(ROLES)}")
    user.groups.set(Group.objects.filter(name__in=wanted))


def _sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
