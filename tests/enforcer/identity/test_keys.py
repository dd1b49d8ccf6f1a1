import base64
import hashlib
import hmac
from typing import Any

import jwt
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from enforcer.policy.call import Caller
from tests.enforcer.identity.support import (
    EC_KEY,
    ED_KEY,
    RSA_KEY,
    IdpKey,
    by_hand,
    claims,
    forged,
    refusal,
    snapshot,
    verify,
)


def test_keys_that_a_header_brings_along_are_never_used() -> None:
    stranger = IdpKey("rsa", "RS256", rsa.generate_private_key(65537, 2048))
    token = stranger.token(claims(), jwk=stranger.jwk, jku="https://evil.example/jwks", x5u="https://evil.example/x")
    assert "signature" in refusal(token)


@pytest.mark.parametrize("algorithms", [("RS256",), ("RS256", "HS256")])
def test_a_public_key_is_never_an_hmac_secret(algorithms: tuple[str, ...]) -> None:
    pem = RSA_KEY.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    unsigned = forged({"alg": "HS256", "kid": "rsa"}, claims()).rpartition(".")[0]
    mac = hmac.new(pem, unsigned.encode(), hashlib.sha256).digest()
    token = f"{unsigned}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"
    assert "algorithm" in refusal(token, trusted=snapshot(RSA_KEY.jwk, algorithms=algorithms))


def test_a_symmetric_key_in_a_key_set_verifies_nothing() -> None:
    secret = b"s" * 32
    jwk = {"kty": "oct", "kid": "k", "k": base64.urlsafe_b64encode(secret).decode().rstrip("=")}
    unsigned = forged({"alg": "HS256", "kid": "k"}, claims()).rpartition(".")[0]
    mac = hmac.new(secret, unsigned.encode(), hashlib.sha256).digest()
    token = f"{unsigned}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"
    assert "algorithm" in refusal(token, trusted=snapshot(jwk, algorithms=("HS256",)))


def test_an_algorithm_that_the_provider_does_not_use_is_refused() -> None:
    assert "algorithm" in refusal(EC_KEY.token(claims()), trusted=snapshot(EC_KEY.jwk, algorithms=("RS256",)))


def test_two_keys_of_one_kid_verify_nothing() -> None:
    other = IdpKey("rsa", "RS256", rsa.generate_private_key(65537, 2048))
    for keys in ((RSA_KEY.jwk, other.jwk), (other.jwk, RSA_KEY.jwk), (RSA_KEY.jwk, {**EC_KEY.jwk, "kid": "rsa"})):
        assert "more than one" in refusal(RSA_KEY.token(claims()), trusted=snapshot(*keys))


def test_without_a_kid_the_one_fitting_key_is_meant() -> None:
    token = by_hand({"alg": "RS256"}, claims())
    assert isinstance(verify(token, snapshot(RSA_KEY.jwk, ED_KEY.jwk)), Caller)
    assert "more than one" in refusal(token, trusted=snapshot(RSA_KEY.jwk, {**RSA_KEY.jwk, "kid": "b"}))


KEYS_REFUSED = [
    {"use": "enc"},
    {"key_ops": ["encrypt"]},
    {"key_ops": "verify"},
    {"alg": "RS512"},
    {"kty": "oct"},
    {"kty": "EC", "crv": "P-256"},
    {"d": "AAAA"},
    {"n": 7},
    {"n": "!"},
    {"n": None},
    {"e": ""},
]


@pytest.mark.parametrize("changes", KEYS_REFUSED, ids=str)
def test_a_key_that_is_for_something_else_or_broken_verifies_nothing(changes: dict[str, Any]) -> None:
    assert refusal(RSA_KEY.token(claims()), trusted=snapshot({**RSA_KEY.jwk, **changes}))


def test_a_short_rsa_key_verifies_nothing() -> None:
    short = IdpKey("short", "RS256", rsa.generate_private_key(65537, 1024))
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        token = short.token(claims())
    assert "2048" in refusal(token, trusted=snapshot(short.jwk))


def test_a_curve_of_another_algorithm_verifies_nothing() -> None:
    assert "key" in refusal(EC_KEY.token(claims()), trusted=snapshot({**EC_KEY.jwk, "crv": "P-384"}))


@pytest.mark.parametrize("jwks", [{}, {"keys": None}, {"keys": [None, 7, "x"]}, {"keys": {}}], ids=str)
def test_a_broken_key_set_verifies_nothing(jwks: dict[str, Any]) -> None:
    trusted = snapshot()
    provider = msgspec.structs.replace(trusted.identity_providers[0], jwks=jwks)
    trusted = msgspec.structs.replace(trusted, identity_providers=(provider,))
    assert "no key" in refusal(RSA_KEY.token(claims()), trusted=trusted)
