"""Pages of the fleet: what each enforcer says of itself, its file, and letting one go."""

import re
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from controlplane.common.errors import InvalidState
from controlplane.fleet.models import Enforcer
from controlplane.fleet.services import decommission
from controlplane.receipts.models import Receipt
from enforcer.contract.keys import SigningKey
from tests.controlplane.actors import ADA
from tests.controlplane.commands import run
from tests.controlplane.factories import ServerFactory
from tests.controlplane.fleet.fake_enforcer import FakeEnforcer
from tests.controlplane.people import client_of
from tests.controlplane.running import RunningPublisher
from tests.controlplane.valkeys import Valkey
from tests.support.processes import wait_for

FLEET = "/admin/fleet/enforcer/"


def page(client: Client, url: str, **given: str) -> str:
    response = client.get(url, given)
    assert response.status_code == 200, response.status_code
    return response.content.decode()


def enrolled(id_: str, *server_ids: str, seen: timedelta | None = None) -> Enforcer:
    row = Enforcer.objects.create(
        id=id_,
        public_key=SigningKey.generate().public.text,
        redis_password_sha256="a" * 64,
        broker_password_sha256="b" * 64,
        last_seen_at=timezone.now() - seen if seen else None,
    )
    row.servers.set([ServerFactory(id=server_id) for server_id in server_ids])
    return row


@pytest.fixture
def live(valkey: Valkey, broker: Valkey, data_dir: Path) -> Iterator[FakeEnforcer]:
    """An enrolled enforcer of `files` that reports, and a publisher."""
    ServerFactory(id="files")
    with RunningPublisher():
        assert run("enroll", "one", "--server", "files").code == 0
        with FakeEnforcer("one", ["files"], data_dir / "enforcers" / "one", valkey) as fake:
            yield fake


def told(client: Client, url: str, word: str) -> str:
    """The page, once the enforcer's word has come that far."""
    wait_for(lambda: f">{word}<" in page(client, url), f"the word {word}")
    return page(client, url)


@pytest.mark.django_db(transaction=True)
def test_a_live_enforcer_is_shown_with_its_own_word_against_what_is_published(live: FakeEnforcer) -> None:
    client = client_of("viewer")
    assert re.search(r"files \d+ of \d+, epoch \d+ of \d+", told(client, FLEET, "current"))
    text = told(client, f"{FLEET}one/change/", "current")
    assert "Its own word, signed with its key" in text
    assert live.key.public.keyid in text
    assert "0.5 s old" in text
    assert 'hx-get="/admin/fleet/enforcer/one/word/"' in text
    assert "0 calls, 0 sessions" in page(client, f"{FLEET}one/word/")


@pytest.mark.django_db(transaction=True)
def test_one_that_runs_on_something_else_than_the_newest_is_behind(live: FakeEnforcer) -> None:
    live.epochs_ahead = 3
    text = told(client_of("viewer"), f"{FLEET}one/change/", "behind")
    assert re.search(r"… \d+ of \d+", text)


@pytest.mark.django_db(transaction=True)
def test_a_heartbeat_under_another_key_is_nobodys_word(live: FakeEnforcer) -> None:
    client = client_of("viewer")
    told(client, FLEET, "current")
    live.key = SigningKey.generate()
    Enforcer.objects.update(last_seen_at=None)
    told(client, f"{FLEET}one/change/", "never heard of")


@pytest.mark.django_db(transaction=True)
def test_silent_never_heard_of_and_decommissioned_are_told_apart(valkey: Valkey) -> None:
    enrolled("quiet", "files", seen=timedelta(seconds=100))
    enrolled("new", "mail")
    enrolled("gone", "old")
    decommission(enforcer_id="gone", actor=ADA)
    text = page(client_of("viewer"), FLEET)
    rows = {id_: text.split(f">{id_}</a>")[1].split("</tr>")[0] for id_ in ("quiet", "new", "gone")}
    assert ">silent<" in rows["quiet"]
    assert "stops by" in rows["quiet"]
    assert ">never heard of<" in rows["new"]
    assert ">decommissioned<" in rows["gone"]
    assert text.index(">gone</a>") > text.index(">quiet</a>")


@pytest.mark.django_db
def test_without_redis_everything_is_unknown(data_dir: Path) -> None:
    enrolled("one", "files", seen=timedelta(seconds=100))
    client = client_of("viewer")
    assert ">unknown<" in page(client, FLEET)
    assert "Redis can’t be reached, so nobody knows" in page(client, f"{FLEET}one/change/")


@pytest.mark.django_db(transaction=True)
def test_the_configuration_is_the_file_that_enroll_printed_and_holds_no_secret(
    valkey: Valkey, broker: Valkey, data_dir: Path
) -> None:
    ServerFactory(id="files")
    directory = data_dir / "enforcers" / "one"
    with RunningPublisher():
        printed = run("enroll", "one", "--server", "files", "--listen", "127.0.0.1:8811").out
    text = page(client_of("viewer"), f"{FLEET}one/configuration/", listen="127.0.0.1:8811")
    shown = re.search(r'<pre id="file">(.*?)</pre>', text, re.DOTALL)
    assert shown
    assert tomllib.loads(shown.group(1).replace("&quot;", '"').replace("&#x27;", "'")) == tomllib.loads(printed)
    for name in ("enforcer.key", "redis.pass", "broker.pass", "server.hmac"):
        assert str(directory / name) in text
        assert (directory / name).read_text().strip() not in text
    assert f"manage.py enroll one --server files --listen 127.0.0.1:8811 --data-dir {directory} --rotate" in text


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("listen", "0.0.0.0:80", "would be plaintext beyond this machine"),
        ("listen", "nowhere", "is no address"),
        ("upstream", "http://files.example/mcp", "is plaintext beyond this machine"),
        ("upstream", "http://u:secret@127.0.0.1/", "is no URL"),
        ("data_dir", "relative", "is relative"),
        ("cert", "/tls.pem", "need each other"),
    ],
)
def test_what_the_file_could_not_hold_is_told_and_nothing_is_printed(
    data_dir: Path, name: str, value: str, problem: str
) -> None:
    enrolled("one", "files")
    text = page(client_of("viewer"), f"{FLEET}one/configuration/", **{name: value})
    assert problem in text
    assert 'id="command"' not in text


@pytest.mark.django_db
def test_an_address_with_a_shell_in_it_stays_one_word(data_dir: Path) -> None:
    enrolled("one", "files")
    text = page(client_of("viewer"), f"{FLEET}one/configuration/", data_dir="/srv/a b; rm -rf /")
    assert "--data-dir &#x27;/srv/a b; rm -rf /&#x27; --rotate" in text


@pytest.mark.django_db
def test_whoever_may_enrol_gets_the_command_for_a_server(data_dir: Path) -> None:
    ServerFactory(id="files")
    client = client_of("platform")
    assert 'href="?server=files"' in page(client, FLEET + "add/")
    assert 'value="files"' in page(client, FLEET + "add/", server="files")
    text = page(client, FLEET + "add/", enforcer_id="probe", server="files", listen="127.0.0.1:8801")
    assert "manage.py enroll probe --server files --listen 127.0.0.1:8801</pre>" in text
    assert "there is no server" in page(client, FLEET + "add/", enforcer_id="p", server="fles", listen="127.0.0.1:1")
    enrolled("taken", "mail")
    taken = page(client, FLEET + "add/", enforcer_id="taken", server="files", listen="127.0.0.1:8801")
    assert "add --rotate" in taken
    assert client_of("viewer", username="v").get(FLEET + "add/").status_code == 403


@pytest.mark.django_db
def test_decommissioning_tells_its_effect_first_asks_why_and_leaves_a_receipt(data_dir: Path) -> None:
    enrolled("one", "files")
    client = client_of("platform")
    assert "No other enforcer serves files" in page(client, f"{FLEET}one/decommission/")
    client.post(f"{FLEET}one/decommission/", {"reason": ""})
    assert Enforcer.objects.get().decommissioned_at is None
    client.post(f"{FLEET}one/decommission/", {"reason": "host is gone"})
    assert Enforcer.objects.get().decommissioned_at is not None
    line = bytes(Receipt.objects.order_by("-sequence").values_list("line", flat=True)[0])
    assert b'"action":"enforcer.decommission"' in line
    assert b'"reason":"host is gone"' in line


@pytest.mark.django_db
def test_decommissioning_twice_changes_nothing_and_nobody_unknown_is_let_go() -> None:
    enrolled("one", "files")
    assert decommission(enforcer_id="one", actor=ADA)
    assert not decommission(enforcer_id="one", actor=ADA)
    with pytest.raises(InvalidState):
        decommission(enforcer_id="two", actor=ADA)


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["viewer", "responder", "policy owner"])
def test_whoever_does_not_manage_the_fleet_can_not_let_one_go(role: str, data_dir: Path) -> None:
    enrolled("one", "files")
    client = client_of(role)
    assert "Decommission…" not in page(client, f"{FLEET}one/change/")
    assert client.post(f"{FLEET}one/decommission/", {"reason": "r"}).status_code == 403


@pytest.mark.django_db(transaction=True)
def test_what_an_enforcer_says_is_inert(live: FakeEnforcer) -> None:
    client = client_of("viewer")
    live.problem = "<script>alert(1)</script>\u202e"
    wait_for(lambda: "&lt;script&gt;alert(1)" in page(client, f"{FLEET}one/word/"), "the problem")
    text = page(client, f"{FLEET}one/change/")
    assert "<script>alert" not in text
    assert "⟨U+202E⟩" in text


@pytest.mark.django_db(transaction=True)
def test_a_list_of_sixty_takes_few_queries(valkey: Valkey, django_assert_max_num_queries: Any) -> None:
    for n in range(60):
        enrolled(f"e{n}", f"s{n}", seen=timedelta(seconds=5))
    client = client_of("viewer")
    with django_assert_max_num_queries(16):
        page(client, FLEET)
    with django_assert_max_num_queries(16):
        page(client, f"{FLEET}e1/change/")
