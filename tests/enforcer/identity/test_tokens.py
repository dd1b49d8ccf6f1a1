import base64
import hashlib
import hmac
import json
from typing import Any

import jwt
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from enforcer.contract.keys import SigningKey
from enforcer.contract.snapshot import Claims
from enforcer.identity.tokens import TokenProblem, issue_claims, sign_token, verify_token
from enforcer.policy.call import Caller
from tests.enforcer.identity.support import (
    CONTROL_PLANE_KEY,
    EC_KEY,
    ED_KEY,
    ISSUER,
    NOW,
    RSA_KEY,
    IdpKey,
    by_hand,
    claims,
    forged,
    snapshot,
    verify,
)


def refusal(token: str, **kwargs: Any) -> str:
    problem = verify(token, **kwargs)
    assert isinstance(problem, TokenProblem)
    return problem.detail


def control_plane_token(**changes: Any) -> str:
    made: dict[str, Any] = issue_claims(subject="alice", server_id="files", token_id="j1", now=NOW, ttl_s=60)
    made |= changes
    return sign_token({k: v for k, v in made.items() if v is not ...}, CONTROL_PLANE_KEY)


@pytest.mark.parametrize("key", [RSA_KEY, EC_KEY, ED_KEY], ids=lambda k: k.algorithm)
def test_a_providers_token_names_its_caller(key: IdpKey) -> None:
    assert verify(key.token(claims(jti="j9", client_id="c", org_id="o", actor_type="agent"))) == Caller(
        "alice", ISSUER, "agent", "c", "o", token_id="j9", expires_at=NOW + 60
    )


@pytest.mark.parametrize("server_id", ["files", None])
def test_a_control_plane_token_names_its_caller(server_id: str | None) -> None:
    made = issue_claims(subject="alice", server_id=server_id, token_id="j1", now=NOW, ttl_s=60, actor_type="agent")
    assert verify(sign_token(made, CONTROL_PLANE_KEY)) == Caller(
        "alice", "drawbridge", "agent", token_id="j1", expires_at=NOW + 60
    )


def test_the_names_of_claims_are_the_providers() -> None:
    names = Claims(subject="email", actor_type="kind", client_id="azp", org_id="tenant")
    token = RSA_KEY.token(claims(sub=..., email="a@example.com", kind="system", azp="cli", tenant="acme"))
    assert verify(token, snapshot(RSA_KEY.jwk, names=names)) == Caller(
        "a@example.com", ISSUER, "system", "cli", "acme", expires_at=NOW + 60
    )


CLAIMS_REFUSED = [
    ({"aud": "other"}, "another audience"),
    ({"aud": ...}, "another audience"),
    ({"aud": ["drawbridge", 7]}, "another audience"),
    ({"aud": "drawbridge-files"}, "another audience"),
    ({"exp": ...}, "never expires"),
    ({"exp": NOW - 30}, "has expired"),
    ({"exp": "1900000000"}, "not a number"),
    ({"exp": True}, "not a number"),
    ({"nbf": NOW + 31}, "not valid yet"),
    ({"nbf": None}, "not a number"),
    ({"iss": "https://other.example"}, "issuer is not trusted"),
    ({"iss": ...}, "issuer is not trusted"),
    ({"iss": [ISSUER]}, "issuer is not trusted"),
    ({"iss": ISSUER + "/"}, "issuer is not trusted"),
    ({"sub": ...}, "about its holder"),
    ({"sub": ""}, "about its holder"),
    ({"sub": 7}, "about its holder"),
    ({"sub": "a" * 1025}, "about its holder"),
    ({"jti": 7}, "about its holder"),
    ({"client_id": ["c"]}, "about its holder"),
    ({"actor_type": "root"}, "actor type"),
    ({"cnf": {"jkt": "x"}}, "bound to a key"),
    ({"nonce": "n"}, "ID token"),
    ({"at_hash": "h"}, "ID token"),
]


@pytest.mark.parametrize(("changes", "why"), CLAIMS_REFUSED, ids=lambda v: json.dumps(v, default=str)[:40])
def test_a_token_with_wrong_claims_is_refused(changes: dict[str, Any], why: str) -> None:
    assert why in refusal(by_hand({"alg": "RS256", "kid": "rsa"}, claims(**changes)))


def test_clocks_may_differ_by_the_leeway() -> None:
    assert isinstance(verify(RSA_KEY.token(claims(exp=NOW - 29, nbf=NOW + 29))), Caller)


HEADERS_REFUSED = [
    {"typ": "oauth-id-jag+jwt"},
    {"typ": "dpop+jwt"},
    {"typ": "secevent+jwt"},
    {"typ": 7},
    {"crit": ["exp"]},
    {"kid": "unknown"},
    {"kid": 7},
]


@pytest.mark.parametrize("header", HEADERS_REFUSED, ids=str)
def test_a_token_with_a_wrong_header_is_refused(header: dict[str, Any]) -> None:
    assert refusal(by_hand({"alg": "RS256", "kid": "rsa", **header}, claims()))


@pytest.mark.parametrize("header", [{"typ": "at+jwt"}, {"typ": "application/AT+JWT"}, {"typ": "JWT"}, {}], ids=str)
def test_the_types_of_access_tokens_are_accepted(header: dict[str, Any]) -> None:
    assert isinstance(verify(by_hand({"alg": "RS256", "kid": "rsa", **header}, claims())), Caller)


def test_keys_that_a_header_brings_along_are_never_used() -> None:
    stranger = IdpKey("rsa", "RS256", rsa.generate_private_key(65537, 2048))
    token = stranger.token(claims(), jwk=stranger.jwk, jku="https://evil.example/jwks", x5u="https://evil.example/x")
    assert "signature" in refusal(token)


def test_an_unsigned_token_is_refused() -> None:
    for algorithm in ("none", "None", "NONE", ""):
        assert "algorithm" in refusal(forged({"alg": algorithm, "typ": "JWT"}, claims()))
        assert "algorithm" in refusal(forged({"alg": algorithm}, claims(iss="drawbridge", jti="j")))
    assert "three" in refusal(forged({"alg": "none"}, claims(), b""))


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


def test_two_providers_of_one_issuer_are_ambiguous() -> None:
    one = snapshot()
    two = msgspec.structs.replace(one, identity_providers=one.identity_providers * 2)
    assert "two providers" in refusal(RSA_KEY.token(claims()), trusted=two)


def test_a_provider_can_not_speak_as_the_control_plane() -> None:
    trusted = snapshot()
    posing = msgspec.structs.replace(trusted.identity_providers[0], issuer="drawbridge")
    trusted = msgspec.structs.replace(trusted, identity_providers=(posing,))
    assert refusal(ED_KEY.token(claims(iss="drawbridge", jti="j")), trusted=trusted)


CONTROL_PLANE_REFUSED = [
    ({"aud": "other"}, "another audience"),
    ({"aud": ["other"]}, "another audience"),
    ({"jti": ...}, "jti"),
    ({"exp": ...}, "never expires"),
    ({"exp": NOW - 31}, "has expired"),
    ({"sub": ...}, "about its holder"),
]


@pytest.mark.parametrize(("changes", "why"), CONTROL_PLANE_REFUSED, ids=str)
def test_a_control_plane_token_with_wrong_claims_is_refused(changes: dict[str, Any], why: str) -> None:
    assert why in refusal(control_plane_token(**changes))


def test_a_strangers_control_plane_token_is_refused() -> None:
    made = issue_claims(subject="alice", server_id=None, token_id="j", now=NOW, ttl_s=60)
    assert "no key" in refusal(sign_token(made, SigningKey(b"s" * 32)))


def test_a_changed_token_is_refused() -> None:
    head, _, tail = control_plane_token().split(".")
    body = issue_claims(subject="mallory", server_id="files", token_id="j1", now=NOW, ttl_s=60)
    payload = base64.urlsafe_b64encode(json.dumps(body).encode()).decode().rstrip("=")
    assert "signature" in refusal(f"{head}.{payload}.{tail}")


def test_a_token_is_read_in_one_way_only() -> None:
    token = control_plane_token()
    for odd in (token + "=", token + "\n", " " + token, token.replace(".", ".\n", 1), token + ".x", token[:-1]):
        assert refusal(odd)
    head, body, tail = token.split(".")
    twice = base64.urlsafe_b64decode(body + "==")[:-1] + b',"sub":"mallory"}'
    assert "strict JSON" in refusal(f"{head}.{base64.urlsafe_b64encode(twice).decode().rstrip('=')}.{tail}")


def test_a_very_long_token_is_refused_unread() -> None:
    assert "longer" in refusal("a" * 20_000)
    assert refusal(forged({"alg": "RS256"}, {"a": [[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]}))


def test_a_problem_holds_nothing_of_the_token() -> None:
    for token in (control_plane_token(sub="canary" * 200), forged({"alg": "canary", "kid": "canary"}, claims())):
        assert "canary" not in refusal(token)


@given(st.text() | st.from_regex(r"[A-Za-z0-9_\-=. ]{0,80}", fullmatch=True))
def test_garbage_is_refused_and_never_raises(token: str) -> None:
    assert isinstance(verify(token), TokenProblem)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
headers = st.fixed_dictionaries(
    {},
    optional={
        "alg": st.sampled_from(["RS256", "ES256", "EdDSA", "none", "HS256"]) | json_values,
        "kid": st.sampled_from(["rsa", "ec", "ed", CONTROL_PLANE_KEY.public.keyid]) | json_values,
        "typ": json_values,
    },
)
bodies = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(("sub", "aud", "exp", "nbf", "jti"), json_values)
    | {"iss": st.sampled_from([ISSUER, "drawbridge"]) | json_values},
)


@given(headers, bodies, st.binary(max_size=80))
def test_a_forged_token_is_refused_and_never_raises(
    header: dict[str, Any], body: dict[str, Any], signature: bytes
) -> None:
    assert isinstance(verify(forged(header, body, signature)), TokenProblem)


@given(bodies)
def test_signed_claims_of_any_shape_never_raise(body: dict[str, Any]) -> None:
    token = forged({"alg": "EdDSA", "kid": CONTROL_PLANE_KEY.public.keyid}, {**body, "iss": "drawbridge"})
    signed = token.rpartition(".")[0]
    signature = base64.urlsafe_b64encode(CONTROL_PLANE_KEY.sign(signed.encode())).decode().rstrip("=")
    found = verify_token(f"{signed}.{signature}", snapshot=snapshot(), now=NOW)
    assert isinstance(found, TokenProblem) or found.subject == body["sub"]
