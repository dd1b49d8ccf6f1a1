"""Rotating keys beside a running publisher: signed anew, verified by the new list, and nothing else moves."""

from collections.abc import Iterator

import pytest
from django.conf import settings

from controlplane.policy.publisher.keys import KeyFiles, listed, public_key
from enforcer.contract import redis_names
from enforcer.contract.envelope import EnvelopeError, PayloadType, unseal
from enforcer.contract.fleet import KeyList
from enforcer.contract.keys import Role
from tests.controlplane.commands import run
from tests.controlplane.factories import ServerFactory
from tests.controlplane.running import RunningPublisher
from tests.controlplane.valkeys import Valkey
from tests.support.processes import wait_for

pytestmark = pytest.mark.django_db(transaction=True)
SIGNED = {
    Role.POLICY: (PayloadType.SNAPSHOT, redis_names.snapshot("files")),
    Role.INCIDENT: (PayloadType.INCIDENT, redis_names.incident("files")),
    Role.LEASE: (PayloadType.LEASE, redis_names.lease("files")),
}


@pytest.fixture(autouse=True)
def publisher(valkey: Valkey) -> Iterator[None]:
    ServerFactory(id="files")
    with RunningPublisher():
        wait_for(lambda: valkey.client.get(redis_names.lease("files")), "a lease")
        yield


def keys() -> KeyList:
    files = KeyFiles(settings.KEYS_DIR, settings.KEYS_JSON, settings.ROOT_PUB)
    return listed(files, public_key(files.root_public))[1]


def holds(valkey: Valkey, role: Role, only: str = "") -> bool:
    """Whether what stands in Redis is signed by a listed key of the role, or by this one."""
    kind, name = SIGNED[role]
    raw = valkey.client.get(name)
    assert isinstance(raw, bytes)
    known = {id_: key for id_, key in keys().of(role).items() if not only or id_ == only}
    try:
        unseal(raw, kind, known)
    except EnvelopeError:
        return False
    return True


@pytest.mark.parametrize("role", list(SIGNED))
def test_everything_is_signed_by_the_new_key_and_the_old_one_stays_until_it_is_retired(
    valkey: Valkey, role: Role
) -> None:
    (old,) = keys().of(role)
    assert run("rotate_key", role, "--reason", "yearly").code == 0
    assert len(keys().of(role)) == 2
    (new,) = keys().of(role).keys() - {old}
    wait_for(lambda: all(holds(valkey, each) for each in SIGNED), "what is signed to be listed")
    wait_for(lambda: holds(valkey, role, only=new), "the new signature")
    assert run("rotate_key", role, "--retire", "--reason", "over").code == 0
    assert set(keys().of(role)) == {new}
    wait_for(lambda: all(holds(valkey, each) for each in SIGNED), "what is signed to be listed")


def test_a_stolen_key_is_struck_out_at_once(valkey: Valkey) -> None:
    (old,) = keys().of(Role.INCIDENT)
    ended = run("rotate_key", "incident", "--compromised", "--reason", "INC-9")
    assert (ended.code, ended.out) == (0, "incident: generation 2 published\n")
    assert old not in keys().of(Role.INCIDENT)
    wait_for(lambda: holds(valkey, Role.INCIDENT), "a state by the new key")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("root",), "'root' is no role"), (("moon",), "'moon' is no role"), (("policy", "--retire"), "has one key"),
        (("checkpoint", "--retire"), "verify old exports"), (("policy", "--root-key", "/nowhere"), "can't be read"),
    ],
)  # fmt: skip
def test_wrong_use_is_one_line_and_changes_nothing(words: tuple[str, ...], said: str) -> None:
    before = keys()
    ended = run("rotate_key", *words, "--reason", "x")
    assert (ended.code, ended.out, said in ended.err) == (2, "", True), ended
    assert keys() == before
