"""What a verified token says of its holder. An ill-typed claim refuses the token."""

from collections.abc import Collection
from dataclasses import dataclass

from enforcer.contract.snapshot import Claims
from enforcer.contract.strict_json import JsonObject
from enforcer.policy.call import Caller

LEEWAY_S = 30.0
MAX_TEXT = 1024
ACTOR_TYPES = ("user", "agent", "system")
ID_TOKEN_CLAIMS = ("nonce", "at_hash", "c_hash")  # OpenID Connect Core sections 2 and 3.3.2.11


@dataclass(frozen=True, slots=True)
class ClaimProblem:
    """Which claim refuses the token."""

    detail: str


def check_times(claims: JsonObject, now: float) -> ClaimProblem | None:
    """`exp` is required, `nbf` holds where it is there (RFC 7519 section 4.1), with 30 s of leeway."""
    times = {name: claims[name] for name in ("exp", "nbf", "iat") if name in claims}
    if any(isinstance(t, bool) or not isinstance(t, int | float) for t in times.values()):
        return ClaimProblem("a time in it is not a number")
    at = {name: float(t) for name, t in times.items() if isinstance(t, int | float)}
    if "exp" not in at:
        return ClaimProblem("it never expires")
    if not now < at["exp"] + LEEWAY_S:
        return ClaimProblem("it has expired")
    if "nbf" in at and not at["nbf"] <= now + LEEWAY_S:
        return ClaimProblem("it is not valid yet")
    return None


def names_audience(claims: JsonObject, wanted: Collection[str]) -> bool:
    """Whether `aud`, a text or a list of texts, names one of these exactly."""
    audience = claims.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    return all(isinstance(a, str) for a in named) and any(a in wanted for a in named)


def caller_of(claims: JsonObject, *, issuer: str, names: Claims) -> Caller | ClaimProblem:
    """The caller, by the issuer's names of the claims."""
    if "cnf" in claims:
        return ClaimProblem("it is bound to a key of its holder, which this gate can't check")
    if any(name in claims for name in ID_TOKEN_CLAIMS):
        return ClaimProblem("it is an ID token")
    wanted = (names.subject, names.actor_type, names.client_id, names.org_id, "jti")
    found = {name: claims[name] for name in wanted if name in claims}
    texts = {name: value for name, value in found.items() if isinstance(value, str) and 0 < len(value) <= MAX_TEXT}
    if len(texts) != len(found) or names.subject not in texts:
        return ClaimProblem("a claim about its holder is missing or is no short text")
    actor_type = texts.get(names.actor_type, "user")
    if actor_type not in ACTOR_TYPES:
        return ClaimProblem(f"its actor type is none of {', '.join(ACTOR_TYPES)}")
    return Caller(
        subject=texts[names.subject],
        issuer=issuer,
        actor_type=actor_type,
        client_id=texts.get(names.client_id),
        org_id=texts.get(names.org_id),
        token_id=texts.get("jti"),
        expires_at=_seconds(claims),
    )


def _seconds(claims: JsonObject) -> float | None:
    expires = claims.get("exp")
    return float(expires) if isinstance(expires, int | float) else None
