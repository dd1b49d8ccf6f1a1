import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enforcer.identity.tokens import TokenProblem, verify_token
from enforcer.policy.call import Caller
from tests.enforcer.identity.support import (
    CONTROL_PLANE_KEY,
    ISSUER,
    NOW,
    by_hand,
    claims,
    control_plane_token,
    forged,
    refusal,
    snapshot,
    verify,
)

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


def test_an_unsigned_token_is_refused() -> None:
    for algorithm in ("none", "None", "NONE", ""):
        assert "algorithm" in refusal(forged({"alg": algorithm, "typ": "JWT"}, claims()))
        assert "algorithm" in refusal(forged({"alg": algorithm}, claims(iss="drawbridge", jti="j")))
    assert "three" in refusal(forged({"alg": "none"}, claims(), b""))


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
