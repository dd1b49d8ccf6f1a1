import base64
import json
from typing import Any

import msgspec
import pytest

from enforcer.contract.keys import SigningKey
from enforcer.contract.snapshot import Claims
from enforcer.identity.tokens import issue_claims, sign_token
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
    control_plane_token,
    forged,
    refusal,
    snapshot,
    verify,
)


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


def test_a_problem_holds_nothing_of_the_token() -> None:
    for token in (control_plane_token(sub="canary" * 200), forged({"alg": "canary", "kid": "canary"}, claims())):
        assert "canary" not in refusal(token)
