"""GET /api/v1/enforcer/state: who may ask, and what comes back."""

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from django.test import Client

from controlplane.fleet import services
from controlplane.policy.models import Published
from enforcer.contract.documents import read
from enforcer.contract.envelope import PayloadType, unseal
from enforcer.contract.fleet import KeyList, Lease, payload_hash
from enforcer.contract.keys import Role, SigningKey
from tests.controlplane.actors import ADA
from tests.controlplane.factories import ServerFactory
from tests.controlplane.running import RunningPublisher
from tests.controlplane.valkeys import Valkey
from tests.support.processes import wait_for

pytestmark = pytest.mark.django_db(transaction=True)
KEY = SigningKey.generate()


@pytest.fixture
def publisher(valkey: Valkey) -> Iterator[RunningPublisher]:
    """Running, with the enforcer `probe` in front of `files` and not of `mail`."""
    ServerFactory(id="files")
    ServerFactory(id="mail")
    credentials = services.credentials(public_key=KEY.public, redis_password="a", broker_password="b")
    services.enroll(enforcer_id="probe", server_ids=["files"], credentials=credentials, rotate=False, actor=ADA)
    with RunningPublisher() as running:
        wait_for(lambda: Published.objects.exclude(lease="").count() == 2, "leases")
        yield running


def token(key: SigningKey = KEY, **other: Any) -> str:
    """What an enforcer sends, but for `other`; a claim given as None is left out."""
    now = int(time.time())
    claims = {
        "iss": "probe",
        "sub": "probe",
        "aud": "drawbridge-control-plane",
        "iat": now,
        "exp": now + 60,
        "jti": str(uuid.uuid4()),
        **other,
    }
    return jwt.encode({k: v for k, v in claims.items() if v is not None}, key.private(), "EdDSA")


def ask(query: str, bearer: str | None) -> Any:
    headers = {"Authorization": f"Bearer {bearer}"} if bearer is not None else {}
    return Client().get(f"/api/v1/enforcer/state?{query}", headers=headers)


def opened(publisher: RunningPublisher, answer: Any) -> dict[str, bytes]:
    """The four payloads, each verified as an enforcer would."""
    assert answer.status_code == 200, answer.content
    envelopes = {name: json.dumps(value).encode() for name, value in answer.json().items()}
    root = publisher.ring.root
    keys = read(unseal(envelopes["keys"], PayloadType.KEYS, {root.keyid: root}), KeyList)
    return {
        "snapshot": unseal(envelopes["snapshot"], PayloadType.SNAPSHOT, keys.of(Role.POLICY)),
        "incident": unseal(envelopes["incident"], PayloadType.INCIDENT, keys.of(Role.INCIDENT)),
        "lease": unseal(envelopes["lease"], PayloadType.LEASE, keys.of(Role.LEASE)),
    }


def test_it_gives_the_pair_that_its_lease_names(publisher: RunningPublisher) -> None:
    found = opened(publisher, ask("server=files", token()))
    lease = read(found["lease"], Lease)
    assert lease.server_id == "files"
    assert lease.nonce is None
    assert lease.snapshot_hash == payload_hash(found["snapshot"])
    assert lease.incident_hash == payload_hash(found["incident"])


def test_a_nonce_comes_back_in_a_lease_newer_than_all_before(publisher: RunningPublisher) -> None:
    before = read(opened(publisher, ask("server=files", token()))["lease"], Lease)
    lease = read(opened(publisher, ask("server=files&nonce=abc123", token()))["lease"], Lease)
    assert lease.nonce == "abc123"
    assert lease.counter > before.counter


def test_another_server_than_its_own_is_refused(publisher: RunningPublisher) -> None:
    assert ask("server=mail", token()).status_code == 403
    assert ask("server=nothing", token()).status_code == 403
    assert ask("", token()).status_code == 403


@pytest.mark.parametrize(
    "bearer",
    [
        None,
        "",
        "nonsense",
        token(SigningKey.generate()),
        token(iss="other", sub="other"),
        token(sub="other"),
        token(aud="drawbridge"),
        token(aud=None),
        token(jti=None),
        token(exp=int(time.time()) - 120, iat=int(time.time()) - 180),
        token(exp=int(time.time()) + 3600),
        token(exp=None),
        jwt.encode({"iss": "probe", "sub": "probe"}, "x" * 32, "HS256"),
        jwt.encode({"iss": "probe", "sub": "probe"}, None, "none"),
    ],
)
def test_a_token_that_is_not_its_own_short_one_is_401(publisher: RunningPublisher, bearer: str | None) -> None:
    assert ask("server=files", bearer).status_code == 401


def test_a_decommissioned_enforcer_gets_nothing(publisher: RunningPublisher) -> None:
    services.decommission(enforcer_id="probe", actor=ADA)
    assert ask("server=files", token()).status_code == 401


def test_a_nonce_beyond_every_length_is_refused(publisher: RunningPublisher) -> None:
    assert ask("server=files&nonce=" + "n" * 200, token()).status_code == 400


def test_only_get_is_served_and_nothing_is_cached(publisher: RunningPublisher) -> None:
    headers = {"Authorization": f"Bearer {token()}"}
    assert Client().post("/api/v1/enforcer/state?server=files", headers=headers).status_code == 405
    assert ask("server=files", token()).headers["Cache-Control"] == "no-store"


def test_before_anything_was_published_it_is_503(data_dir: object) -> None:
    ServerFactory(id="files")
    credentials = services.credentials(public_key=KEY.public, redis_password="a", broker_password="b")
    services.enroll(enforcer_id="probe", server_ids=["files"], credentials=credentials, rotate=False, actor=ADA)
    assert ask("server=files", token()).status_code == 503


def test_healthz_answers(db: None) -> None:
    answer = Client().get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok\n")
