"""Enforcers that register themselves: one code, one key, fifteen minutes, and nothing secret on the way."""

import base64
import hashlib
import json
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from controlplane.fleet.invitations import LIFE, PREFIX
from controlplane.fleet.models import Enforcer, Invitation
from controlplane.receipts.models import Receipt
from enforcer.contract.canonical import canonical
from enforcer.contract.keys import SigningKey
from enforcer.contract.sealed import open_answer
from tests.controlplane.commands import Ended, run
from tests.controlplane.factories import ServerFactory
from tests.controlplane.running import RunningPublisher
from tests.controlplane.valkeys import Valkey

pytestmark = pytest.mark.django_db(transaction=True)
PRIVATE = X25519PrivateKey.generate()
REPLY_KEY = base64.b64encode(PRIVATE.public_key().public_bytes_raw()).decode()
KEY = SigningKey.generate()


@pytest.fixture(autouse=True)
def publisher(valkey: Valkey, broker: Valkey) -> Iterator[None]:
    cache.clear()
    ServerFactory(id="files")
    ServerFactory(id="mail")
    with RunningPublisher():
        yield


def invite(*more: str) -> str:
    ended = run("enroll", "edge", "--server", "files", "--remote", *more)
    assert ended.code == 0, ended
    return str(tomllib.loads(ended.out)["enrolment_code"])


def body(code: str, key: SigningKey = KEY, /, **changes: Any) -> dict[str, Any]:
    said = {
        "code": code, "enforcer_id": "edge", "public_key": key.public.text, "reply_key": REPLY_KEY,
        "redis_password_sha256": hashlib.sha256(b"a").hexdigest(),
        "broker_password_sha256": hashlib.sha256(b"b").hexdigest(),
        **changes,
    }  # fmt: skip
    return {**said, "proof": base64.b64encode(key.sign(canonical(said))).decode()}


def post(said: Any) -> Any:
    raw = said if isinstance(said, bytes) else json.dumps(said).encode()
    return Client().post("/api/v1/enforcer/enrol", raw, content_type="application/json")


def test_the_file_holds_a_code_and_no_secret_and_nobody_is_enrolled_yet() -> None:
    ended = run("enroll", "edge", "--server", "files", "--remote", "--upstream", "http://127.0.0.1:9/mcp")
    assert ended.code == 0
    file = tomllib.loads(ended.out)
    assert file["enrolment_code"].startswith(PREFIX)
    assert (file["data_dir"], file["listen"]) == ("/var/lib/drawbridge/edge", "127.0.0.1:8801")
    row = Invitation.objects.get()
    assert row.code_sha256 == hashlib.sha256(file["enrolment_code"].encode()).hexdigest()
    assert not Enforcer.objects.exists()
    receipt = json.loads(bytes(Receipt.objects.latest("sequence").line))
    assert (receipt["action"], file["enrolment_code"] in json.dumps(receipt)) == ("enforcer.invite", False)


def test_whoever_holds_the_code_is_enrolled_and_gets_the_keys_of_its_servers_sealed() -> None:
    answer = post(body(invite()))
    assert answer.status_code == 200, answer.content
    said = answer.json()
    keys = json.loads(open_answer(said["sealed"], private=PRIVATE, request_id=said["request_id"]))
    assert (said["servers"], set(keys), set(keys["files"])) == (["files"], {"files"}, {"key_id", "key"})
    row = Enforcer.objects.get(id="edge")
    assert (row.public_key, row.redis_password_sha256) == (KEY.public.text, hashlib.sha256(b"a").hexdigest())
    assert [server.id for server in row.servers.all()] == ["files"]


def test_the_same_key_may_ask_again_and_no_other_one() -> None:
    code = invite()
    assert post(body(code)).status_code == 200
    assert post(body(code)).status_code == 200
    assert Enforcer.objects.get(id="edge").wanted_users == 1
    other = post(body(code, SigningKey.generate()))
    assert (other.status_code, other.json()["code"]) == (422, "enrolment_code")
    assert Enforcer.objects.get(id="edge").public_key == KEY.public.text


def test_a_code_ends_after_fifteen_minutes_even_for_the_key_that_used_it() -> None:
    code = invite()
    assert post(body(code)).status_code == 200
    Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert post(body(code)).status_code == 422
    assert timedelta(minutes=15) == LIFE


def test_a_second_code_takes_the_place_of_the_first() -> None:
    first, second = invite(), invite()
    assert post(body(first)).status_code == 422
    assert post(body(second)).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"enforcer_id": "other"}, {"code": "dbe_nothing"}, {"redis_password_sha256": "x"}, {"public_key": "x"},
        {"reply_key": "x"}, {"reply_key": base64.b64encode(b"short").decode()}, {"more": "x"},
    ],
)  # fmt: skip
def test_whatever_does_not_fit_enrols_nobody(changes: dict[str, str]) -> None:
    assert post(body(invite(), **changes)).status_code == 422
    assert not Enforcer.objects.exists()


def test_a_key_that_somebody_else_holds_is_not_enrolled() -> None:
    said = body(invite())
    said["public_key"] = SigningKey.generate().public.text
    assert post(said).json()["code"] == "proof"
    assert not Enforcer.objects.exists()


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"code": 1}', b'{"code":"a","code":"b"}'])
def test_garbage_is_refused_by_name(raw: bytes) -> None:
    assert post(raw).status_code in (400, 422)


def test_guessing_is_slowed_down() -> None:
    codes = [422]
    while codes[-1] == 422 and len(codes) < 200:  # a minute may end in between, and another begin
        codes.append(post(body("dbe_guess")).status_code)
    assert codes[-1] == 429


def test_rotation_needs_the_word_and_keeps_the_enforcer() -> None:
    assert post(body(invite())).status_code == 200
    assert run("enroll", "edge", "--server", "files", "--remote").code == 2
    fresh = SigningKey.generate()
    ended = run("enroll", "edge", "--server", "files", "--server", "mail", "--remote", "--rotate")
    code = str(tomllib.loads(ended.out)["enrolment_code"])
    assert post(body(code, fresh)).status_code == 200
    row = Enforcer.objects.get(id="edge")
    assert (row.public_key, row.wanted_users, row.servers.count()) == (fresh.public.text, 2, 2)


@pytest.mark.parametrize("words", [("--server", "moon"), ("--server", "files", "--embedded")])
def test_what_can_not_be_enrolled_gets_no_code(words: tuple[str, ...]) -> None:
    ended: Ended = run("enroll", "edge", *words, "--remote")
    assert (ended.code, ended.out, Invitation.objects.count()) == (2, "", 0)
