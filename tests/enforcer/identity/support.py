"""Issuers that a test can make tokens with, and the snapshot that trusts them."""

import base64
import json
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from jwt.algorithms import get_default_algorithms

from enforcer.contract.keys import SigningKey
from enforcer.contract.levels import Risk, TrustLevel
from enforcer.contract.snapshot import (
    Claims,
    Credential,
    IdentityProvider,
    Sandbox,
    ServerPolicy,
    Snapshot,
    TrustPolicy,
)
from enforcer.identity.tokens import TokenProblem, issue_claims, sign_token, verify_token
from enforcer.policy.call import Caller

NOW = 1_700_000_000.0
ISSUER = "https://idp.example"
CONTROL_PLANE_KEY = SigningKey(b"token".ljust(32, b"."))


@dataclass(frozen=True)
class IdpKey:
    """A private key of an identity provider and what its JWKS lists for it."""

    kid: str
    algorithm: str
    private: Any

    @property
    def jwk(self) -> dict[str, Any]:
        public = get_default_algorithms()[self.algorithm].to_jwk(self.private.public_key(), as_dict=True)
        return {**public, "kid": self.kid}

    def token(self, claims: dict[str, Any], **headers: Any) -> str:
        return jwt.encode(claims, self.private, self.algorithm, headers={"kid": self.kid, **headers})


RSA_KEY = IdpKey("rsa", "RS256", rsa.generate_private_key(65537, 2048))
EC_KEY = IdpKey("ec", "ES256", ec.generate_private_key(ec.SECP256R1()))
ED_KEY = IdpKey("ed", "EdDSA", ed25519.Ed25519PrivateKey.generate())


def claims(**changes: Any) -> dict[str, Any]:
    """Good claims of the provider; a change to `...` leaves the claim out."""
    made = {"iss": ISSUER, "sub": "alice", "aud": "drawbridge", "exp": NOW + 60, **changes}
    return {name: value for name, value in made.items() if value is not ...}


def snapshot(
    *keys: dict[str, Any], algorithms: tuple[str, ...] = ("RS256", "ES256", "EdDSA"), names: Claims | None = None
) -> Snapshot:
    """Of server `files`, trusting the control plane and one provider with these keys."""
    return Snapshot(
        schema=1,
        generation=1,
        issued_at="2023-11-14T00:00:00Z",
        server_id="files",
        version=1,
        expires_at="2033-11-14T00:00:00Z",
        trust=TrustPolicy(
            name=TrustLevel.INTERNAL, ceiling=Risk.HIGH, pins="required", stale_high_s=60, stale_all_s=900
        ),
        server=ServerPolicy(id="files", title="", credential=Credential(), sandbox=Sandbox(fs="none", net="none")),
        token_keys=(CONTROL_PLANE_KEY.public.text,),
        identity_providers=(
            IdentityProvider(
                issuer=ISSUER,
                audience="drawbridge",
                algorithms=algorithms,
                jwks={"keys": list(keys or (RSA_KEY.jwk, EC_KEY.jwk, ED_KEY.jwk))},
                claims=names or Claims(),
            ),
        ),
    )


def verify(token: str, trusted: Snapshot | None = None, now: float = NOW) -> Caller | TokenProblem:
    """Against the usual snapshot at the usual time."""
    return verify_token(token, snapshot=trusted or snapshot(), now=now)


def forged(header: dict[str, Any], body: dict[str, Any], signature: bytes = b"x") -> str:
    """A token of exactly these parts."""
    parts = (json.dumps(header).encode(), json.dumps(body).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def by_hand(header: dict[str, Any], body: dict[str, Any]) -> str:
    """A token that really is signed by the provider's RSA key, however odd its parts are."""
    unsigned = forged(header, body).rpartition(".")[0]
    signature = RSA_KEY.private.sign(unsigned.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{unsigned}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def refusal(token: str, trusted: Snapshot | None = None) -> str:
    """Why it is refused; that it is refused is part of the test."""
    problem = verify(token, trusted)
    assert isinstance(problem, TokenProblem)
    return problem.detail


def control_plane_token(**changes: Any) -> str:
    """For alice on `files`; a change to `...` leaves the claim out."""
    made: dict[str, Any] = issue_claims(subject="alice", server_id="files", token_id="j1", now=NOW, ttl_s=60)
    made |= changes
    return sign_token({k: v for k, v in made.items() if v is not ...}, CONTROL_PLANE_KEY)
