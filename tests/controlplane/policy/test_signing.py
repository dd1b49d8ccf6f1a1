"""Asking the publisher: what it signs, for whom, and that nobody else can read a secret answer."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from django.db import transaction

from controlplane.common.errors import InvalidState, StackUnreachable
from controlplane.policy.models import SigningRequest
from controlplane.policy.publisher.answers import answer_waiting
from controlplane.policy.signing import ask
from controlplane.receipts.services import OWN_CHAIN, record_admin_receipt
from enforcer.contract.args_hash import derive_server_key
from enforcer.contract.keys import Role
from enforcer.contract.receipt import chain_head_holds
from enforcer.contract.sealed import open_answer, seal_answer
from tests.controlplane.factories import ServerFactory
from tests.controlplane.running import RunningPublisher, ring
from tests.controlplane.valkeys import Valkey

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_key_of_a_server_comes_back_and_no_row_stays(valkey: Valkey) -> None:
    ServerFactory(id="files")
    with RunningPublisher() as running:
        answer = ask("server_hmac", {"server_id": "files"})
    key_id, key = derive_server_key(running.ring.org_key, "files")
    assert answer == {"key_id": key_id, "key": base64.b64encode(key).decode()}
    assert not SigningRequest.objects.exists()


def test_the_answer_in_the_database_is_sealed(data_dir: object) -> None:
    ServerFactory(id="files")
    keys = ring()
    asker = X25519PrivateKey.generate()
    reply_key = base64.b64encode(asker.public_key().public_bytes_raw()).decode()
    row = SigningRequest.objects.create(kind="server_hmac", params={"server_id": "files"}, reply_key=reply_key)
    answer_waiting(keys)
    row.refresh_from_db()
    secret = derive_server_key(keys.org_key, "files")[1]
    assert base64.b64encode(secret).decode() not in row.answer
    assert secret not in base64.b64decode(row.answer)
    plain = json.loads(open_answer(row.answer, private=asker, request_id=str(row.pk)))
    assert plain["key"] == base64.b64encode(secret).decode()


def test_an_answer_opens_for_its_asker_and_its_request_only() -> None:
    mine, other = X25519PrivateKey.generate(), X25519PrivateKey.generate()
    sealed = seal_answer(
        b"secret", reply_key=base64.b64encode(mine.public_key().public_bytes_raw()).decode(), request_id="1"
    )
    assert open_answer(sealed, private=mine, request_id="1") == b"secret"
    for private, request_id in ((other, "1"), (mine, "2")):
        with pytest.raises(ValueError, match="not sealed"):
            open_answer(sealed, private=private, request_id=request_id)


def test_a_chain_head_is_signed_with_the_checkpoint_key(valkey: Valkey) -> None:
    record_admin_receipt(actor="ada", action="test", detail={})
    with RunningPublisher() as running:
        (line,) = ask("chain_heads", {"chain_id": OWN_CHAIN, "stretches": [[0, 1]]})["lines"]
        with pytest.raises(InvalidState, match="no chain is stored"):
            ask("chain_heads", {"chain_id": OWN_CHAIN, "stretches": [[0, 1], [2, 2]]})
    assert isinstance(line, str)
    assert chain_head_holds(json.loads(line), running.ring.key_list.of(Role.CHECKPOINT))


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("policy", {}),
        ("token", {}),
        ("token", {"jti": "nobody-issued-it"}),
        ("token", {"sub": "ada", "jti": 3}),
        ("server_hmac", {"server_id": "nothing"}),
        ("nonce_lease", {"server_id": "files", "nonce": "n" * 200}),
        ("nonce_lease", {"server_id": "files", "nonce": "n"}),
        ("chain_heads", {"chain_id": OWN_CHAIN, "stretches": 1}),
        ("chain_heads", {"chain_id": OWN_CHAIN, "stretches": [1]}),
        ("chain_heads", {"chain_id": OWN_CHAIN, "stretches": [["0", 1]]}),
        ("chain_heads", {"chain_id": OWN_CHAIN, "stretches": [[2, 1]]}),
        ("chain_heads", {"chain_id": OWN_CHAIN, "stretches": [[0, 1]] * 1001}),
    ],
)
def test_what_makes_no_sense_is_refused_and_the_publisher_goes_on(
    data_dir: object, kind: str, params: dict[str, object]
) -> None:
    ServerFactory(id="files")
    reply_key = base64.b64encode(X25519PrivateKey.generate().public_key().public_bytes_raw()).decode()
    bad = SigningRequest.objects.create(kind=kind, params=params, reply_key=reply_key)
    good = SigningRequest.objects.create(kind="server_hmac", params={"server_id": "files"}, reply_key=reply_key)
    unreadable = SigningRequest.objects.create(kind="server_hmac", params={"server_id": "files"}, reply_key="AAAA")
    answer_waiting(ring())
    for row, answered in ((bad, False), (good, True), (unreadable, False)):
        row.refresh_from_db()
        assert (bool(row.answer), bool(row.error)) == (answered, not answered)


def test_without_a_publisher_asking_ends_and_leaves_no_row(data_dir: object) -> None:
    with pytest.raises(StackUnreachable):
        ask("server_hmac", {"server_id": "files"}, 0.05)
    assert not SigningRequest.objects.exists()


def test_asking_inside_a_transaction_is_a_mistake_of_the_caller(data_dir: object) -> None:
    with transaction.atomic(), pytest.raises(RuntimeError, match="before it is committed"):
        ask("server_hmac", {"server_id": "files"})
