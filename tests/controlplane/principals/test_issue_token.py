"""`manage.py issue_token`: a token that the enforcer's own code accepts."""

import time
from collections.abc import Iterator

import pytest

from controlplane.policy.models import Published
from controlplane.principals.models import IssuedToken
from controlplane.receipts.models import Receipt
from enforcer.contract.documents import read
from enforcer.contract.envelope import PayloadType, unseal
from enforcer.contract.keys import Role
from enforcer.contract.snapshot import Snapshot
from enforcer.identity.tokens import TokenProblem, verify_token
from enforcer.policy.call import Caller
from tests.controlplane.commands import run
from tests.controlplane.factories import PrincipalFactory, ServerFactory
from tests.controlplane.running import RunningPublisher
from tests.controlplane.valkeys import Valkey
from tests.support.processes import wait_for

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def publisher(valkey: Valkey) -> Iterator[RunningPublisher]:
    """Running, with the servers `files` and `mail` and the agent ada."""
    ServerFactory(id="files")
    ServerFactory(id="mail")
    PrincipalFactory(subject="ada", actor_type="agent")
    with RunningPublisher() as running:
        wait_for(lambda: Published.objects.exclude(lease="").count() == 2, "leases")
        yield running


def caller(publisher: RunningPublisher, token: str, server_id: str, after_s: float = 0) -> Caller | TokenProblem:
    """As an enforcer of the server sees it."""
    row = Published.objects.select_related("snapshot").get(server_id=server_id)
    assert row.snapshot is not None
    keys = publisher.ring.key_list.of(Role.POLICY)
    snapshot = read(unseal(row.snapshot.envelope.encode(), PayloadType.SNAPSHOT, keys), Snapshot)
    return verify_token(token, snapshot=snapshot, now=time.time() + after_s)


def test_the_last_line_is_a_token_for_every_server_good_for_an_hour(publisher: RunningPublisher) -> None:
    ended = run("issue_token", "ada")
    assert (ended.code, ended.err) == (0, "")
    token = ended.out.splitlines()[-1]
    for server_id in ("files", "mail"):
        found = caller(publisher, token, server_id, after_s=3500)
        assert isinstance(found, Caller)
        assert (found.subject, found.issuer, found.actor_type) == ("ada", "drawbridge", "agent")
    assert isinstance(caller(publisher, token, "files", after_s=3700), TokenProblem)


def test_a_token_for_one_server_is_good_there_only(publisher: RunningPublisher) -> None:
    token = run("issue_token", "ada", "--server", "files", "--ttl", "60").out.splitlines()[-1]
    assert isinstance(caller(publisher, token, "files"), Caller)
    assert isinstance(caller(publisher, token, "mail"), TokenProblem)
    assert isinstance(caller(publisher, token, "files", after_s=100), TokenProblem)


def test_who_got_it_is_kept_and_the_token_is_not(publisher: RunningPublisher) -> None:
    token = run("issue_token", "ada", "--server", "files").out.splitlines()[-1]
    found = caller(publisher, token, "files")
    assert isinstance(found, Caller)
    row = IssuedToken.objects.get()
    assert (row.jti, row.subject, row.server_id) == (found.token_id, "ada", "files")
    line = bytes(Receipt.objects.get().line).decode()
    assert row.jti in line
    assert token not in line + str(row.__dict__)


def test_a_token_for_nobody_declared_comes_with_a_warning(publisher: RunningPublisher) -> None:
    ended = run("issue_token", "stranger")
    assert ended.code == 0
    assert "will match no grant" in ended.err
    assert isinstance(caller(publisher, ended.out.splitlines()[-1], "files"), Caller)


@pytest.mark.parametrize(
    "words", [["ada", "--ttl", "0"], ["ada", "--ttl", "99999999"], ["ada", "--server", "no"], [""]]
)
def test_wrong_use_ends_with_2_and_issues_nothing(publisher: RunningPublisher, words: list[str]) -> None:
    ended = run("issue_token", *words)
    assert (ended.code, ended.out) == (2, "")
    assert not IssuedToken.objects.exists()


def test_without_a_publisher_it_ends_with_3(data_dir: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controlplane.principals.tokens.ask.__defaults__", (0.05,))
    ended = run("issue_token", "ada")
    assert (ended.code, ended.out) == (3, "")
