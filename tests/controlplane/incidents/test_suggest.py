"""Targets are offered while one is written, and each says how many calls of it passed lately."""

from datetime import UTC, datetime

import pytest

from controlplane.fleet.models import Enforcer
from controlplane.incidents.effect import effect_lines
from controlplane.incidents.suggest import suggestions
from controlplane.receipts.services import ingest_batch
from enforcer.contract.targets import Target, parse_target
from enforcer.contract.times import to_text
from tests.controlplane.browsing import signed_in
from tests.controlplane.factories import GroupFactory, PrincipalFactory, ServerFactory, ToolFactory
from tests.controlplane.receipts.sending import Sender

pytestmark = pytest.mark.django_db


@pytest.fixture
def known(db: None) -> Sender:
    files, mail = ServerFactory(id="files"), ServerFactory(id="mail")
    for server, name in ((files, "fs_read"), (files, "fs_write"), (mail, "send")):
        ToolFactory(server=server, name=name)
    PrincipalFactory(subject="alice", groups=[GroupFactory(name="finance")])
    return Sender("gate").enrol()


@pytest.mark.parametrize(
    ("written", "offered"),
    [
        ("", ["all"]),
        ("al", ["all", "principal:alice"]),
        ("ser", ["server:"]),
        ("server:", ["server:files", "server:mail"]),
        ("server:ai", ["server:mail"]),
        ("tool:files/", ["tool:files/*", "tool:files/fs_read", "tool:files/fs_write"]),
        ("tool:send", ["tool:mail/send"]),
        ("fs_w", ["tool:files/fs_write"]),
        ("group:f", ["group:finance"]),
        ("enforcer:", ["enforcer:gate"]),
        ("risk:h", ["risk:HIGH"]),
        ("trust:ver", ["trust:verified"]),
        ("credential:fi", ["credential:files"]),
        ("session:x", []),
        ("nothing:x", []),
        ("tool:files/none", []),
    ],
)
def test_what_is_offered_begins_with_what_was_written(known: Sender, written: str, offered: list[str]) -> None:
    found = suggestions(written)
    assert sorted(found) == sorted(offered)
    whole = [text for text in found if not text.endswith(":")]
    assert all(isinstance(parse_target(text), Target) for text in whole)


def test_many_are_offered_a_dozen_at_a_time(known: Sender) -> None:
    for number in range(30):
        ServerFactory(id=f"s{number:02}")
    assert len(suggestions("server:s")) == 12


def test_what_was_decommissioned_is_not_offered(known: Sender) -> None:
    Enforcer.objects.update(decommissioned_at=datetime.now(UTC))
    assert suggestions("enforcer:") == []


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("all", "4 calls of it passed in the last hour"),
        ("server:files", "3 calls of it passed in the last hour"),
        ("tool:files/fs_*", "3 calls of it passed in the last hour"),
        ("tool:files/fs_write", "1 call of it passed in the last hour"),
        ("principal:alice", "2 calls of it passed in the last hour"),
        ("group:finance", "2 calls of it passed in the last hour"),
        ("enforcer:gate", "4 calls of it passed in the last hour"),
        ("enforcer:other", "0 calls of it passed in the last hour"),
        ("trust:internal", "4 calls of it passed in the last hour"),
        ("credential:mail", "1 call of it passed in the last hour"),
    ],
)
def test_the_calls_that_passed_lately_are_counted_before_they_are_stopped(
    known: Sender, target: str, said: str
) -> None:
    now = to_text(datetime.now(UTC).timestamp())
    for who, server, tool in (
        ("alice", "files", "fs_read"),
        ("alice", "files", "fs_write"),
        ("bob", "files", "fs_read"),
        ("bob", "mail", "send"),
    ):
        mcp = {"server_id": server, "tool_name": tool}
        ingest_batch(known.batch([known.receipt(event_time=now, principal={"sub": who}, mcp=mcp)]))
    denied = {"result": "deny", "reason_codes": ["DENY_NO_GRANT"]}
    ingest_batch(known.batch([known.receipt(event_time=now, principal={"sub": "alice"}, decision=denied)]))
    ingest_batch(known.batch([known.receipt(principal={"sub": "alice"})]))  # of long ago
    assert said in effect_lines(target)


def test_the_page_offers_them_beside_the_effect(known: Sender) -> None:
    responder = signed_in("responder")
    page = responder.get("/admin/incidents/killswitch/effect/?target=server:f").content.decode()
    assert '<option value="server:files">' in page
    form = responder.get("/admin/incidents/killswitch/add/").content.decode()
    assert 'list="targets"' in form
    assert '<datalist id="targets">' in form
