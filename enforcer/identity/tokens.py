"""Tokens: signed JWTs (RFC 7519) verified from the snapshot alone, pure; `now` is given.

Two kinds of issuer: `drawbridge` (the control plane, EdDSA, `token_keys`) and the snapshot's identity providers with
their inline JWKS. Refused: `none` and every symmetric algorithm, a `kid` that names two keys, whatever is not an access
token by its `typ`, a token bound to a key of the client's (`cnf`). `jku`, `x5u` and `jwk` headers are never read.
Revocation is not asked here: `decide` and `access` do, on every call, so that a cached token is no way around it.
"""

from dataclasses import dataclass

import jwt

from enforcer.contract.keys import SigningKey
from enforcer.contract.snapshot import Claims, IdentityProvider, Snapshot
from enforcer.contract.strict_json import JsonObject
from enforcer.identity.claims import ClaimProblem, caller_of, check_times, names_audience
from enforcer.identity.jws import Jws, JwsProblem, read_jws
from enforcer.identity.keys import KeyProblem, control_plane_key, provider_key
from enforcer.policy.call import Caller

CONTROL_PLANE = "drawbridge"  # issuer of the control plane's tokens, and the audience of those for every server
ALGORITHM = "EdDSA"


@dataclass(frozen=True, slots=True)
class TokenProblem:
    """Why a token is not accepted; for receipts and logs, holds nothing secret. The caller reads the reason code."""

    detail: str


def verify_token(token: str, *, snapshot: Snapshot, now: float) -> Caller | TokenProblem:
    """Who sent this bearer token to the snapshot's server; never raises. `now` is unix seconds."""
    read = read_jws(token)
    if isinstance(read, JwsProblem):
        return TokenProblem(read.detail)
    issuer = read.claims.get("iss")
    if issuer == CONTROL_PLANE:
        return _ours(read, snapshot, now)
    found = [p for p in snapshot.identity_providers if p.issuer == issuer]
    if len(found) != 1:
        return TokenProblem("its issuer is not trusted here" if not found else "two providers claim its issuer")
    return _theirs(read, found[0], now)


def issue_claims(
    *, subject: str, server_id: str | None, token_id: str, now: float, ttl_s: float, actor_type: str = "user"
) -> JsonObject:
    """Claims of a control-plane token; without a server it is for every one where the subject has grants."""
    return {
        "iss": CONTROL_PLANE,
        "sub": subject,
        "aud": server_id or CONTROL_PLANE,
        "iat": int(now),
        "exp": int(now + ttl_s),
        "jti": token_id,
        "actor_type": actor_type,
    }


def sign_token(claims: JsonObject, key: SigningKey) -> str:
    """A compact JWS of `typ` at+jwt (RFC 9068)."""
    return jwt.encode(claims, key.private(), ALGORITHM, headers={"kid": key.public.keyid, "typ": "at+jwt"})


def _ours(read: Jws, snapshot: Snapshot, now: float) -> Caller | TokenProblem:
    key = control_plane_key(read, snapshot.token_keys)
    if isinstance(key, KeyProblem):
        return TokenProblem(key.detail)
    if not key.verifies(read.signature, read.signed):
        return TokenProblem("its signature does not hold")
    if not isinstance(read.claims.get("jti"), str):
        return TokenProblem("it has no jti, so it could not be revoked")
    wanted = (snapshot.server_id, CONTROL_PLANE)
    return _caller(read.claims, CONTROL_PLANE, Claims(), wanted, now)


def _theirs(read: Jws, provider: IdentityProvider, now: float) -> Caller | TokenProblem:
    key = provider_key(read, provider)
    if isinstance(key, KeyProblem):
        return TokenProblem(key.detail)
    if not key.verifies(read.signature, read.signed):
        return TokenProblem("its signature does not hold")
    return _caller(read.claims, provider.issuer, provider.claims, (provider.audience,), now)


def _caller(
    claims: JsonObject, issuer: str, names: Claims, audiences: tuple[str, ...], now: float
) -> Caller | TokenProblem:
    problem = check_times(claims, now)
    if problem is None and not names_audience(claims, audiences):
        problem = ClaimProblem("it is meant for another audience")
    if problem is not None:
        return TokenProblem(problem.detail)
    caller = caller_of(claims, issuer=issuer, names=names)
    return TokenProblem(caller.detail) if isinstance(caller, ClaimProblem) else caller
