"""Tokens for principals over the API."""

from collections.abc import Iterator

import jwt
import pytest

from controlplane.api.models import IdempotencyKey
from controlplane.common.actor import Right
from controlplane.incidents.models import RevokedToken
from controlplane.policy.models import Published
from controlplane.principals.models import IssuedToken
from tests.controlplane.api.asking import asker, done, problem
from tests.controlplane.factories import PrincipalFactory, ServerFactory
from tests.controlplane.running import RunningPublisher
from tests.controlplane.valkeys import Valkey
from tests.support.processes import wait_for

BODY = {"subject": "ada", "server": "files", "ttl_s": 60}


@pytest.fixture
def publisher(valkey: Valkey) -> Iterator[RunningPublisher]:
    """Running, for ada and the server files."""
    ServerFactory(id="files")
    PrincipalFactory(subject="ada")
    with RunningPublisher() as running:
        wait_for(lambda: Published.objects.exclude(lease="").exists(), "a lease")
        yield running


@pytest.mark.django_db(transaction=True)
def test_a_token_is_issued_shown_once_and_revoked(publisher: RunningPublisher) -> None:
    who = asker(Right.VIEW, Right.ISSUE_TOKENS, Right.RAISE_KILL)
    issued = who.post("/tokens", BODY, Idempotency_Key="one")
    said = done(issued, 201)
    claims = jwt.decode(said["token"], options={"verify_signature": False})
    assert (claims["sub"], claims["aud"], claims["jti"]) == ("ada", "files", said["jti"])
    assert issued.headers["Location"] == f"/api/v1/tokens/{said['jti']}"
    again = who.post("/tokens", BODY, Idempotency_Key="one")
    assert problem(again)["status"] == 409
    assert said["token"].encode() not in again.content
    assert IdempotencyKey.objects.get().answer == ""
    assert IssuedToken.objects.count() == 1
    row = done(who.get(f"/tokens/{said['jti']}"))
    assert (row["issued_by"], row["revoked"]) == ("token:ci", False)
    done(who.post(f"/tokens/{said['jti']}/revoke", {"reason": "in a log"}))
    assert done(who.get("/tokens?subject=ada"))["results"][0]["revoked"] is True
    assert RevokedToken.objects.get().reason == "in a log"


@pytest.mark.django_db(transaction=True)
def test_what_the_publisher_does_not_sign_leaves_the_key_free(
    data_dir: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    from controlplane.policy import signing

    clock = iter(range(0, 10**6, 100))
    monkeypatch.setattr(signing.time, "monotonic", lambda: float(next(clock)))
    assert problem(asker().post("/tokens", {"subject": "ada"}, Idempotency_Key="one"))["status"] == 503
    assert not IdempotencyKey.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "pointer"),
    [({"ttl_s": 0}, "/ttl_s"), ({"ttl_s": 10**9}, "/ttl_s"), ({"ttl_s": "60"}, "/ttl_s"), ({"server": "A"}, "/server"),
     ({"subject": ""}, "/subject"), ({"jti": "x"}, "/jti")],
)  # fmt: skip
def test_what_can_not_be_issued_is_refused_at_its_place(body: dict[str, object], pointer: str) -> None:
    said = problem(asker().post("/tokens", {**BODY, **body}))
    assert [error["pointer"] for error in said["errors"]] == [pointer]
    assert not IssuedToken.objects.exists()


@pytest.mark.django_db
def test_an_unknown_server_or_token_is_refused() -> None:
    assert problem(asker().post("/tokens", {**BODY, "server": "nowhere"}))["status"] == 422
    assert problem(asker().post("/tokens/nothing/revoke", {"reason": "x"}))["status"] == 404
    assert problem(asker(Right.VIEW).post("/tokens", BODY))["code"] == "issue_tokens"
