"""`manage.py enroll` with a publisher and two real Valkeys."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from controlplane.fleet import services
from controlplane.fleet.models import Enforcer
from controlplane.receipts.models import Receipt
from deploy.certificates import issue, make_authority, utc_now
from enforcer.config import load
from enforcer.contract.args_hash import derive_server_key
from enforcer.contract.keys import SigningKey
from tests.controlplane.actors import ADA
from tests.controlplane.commands import run
from tests.controlplane.factories import ServerFactory
from tests.controlplane.running import RunningPublisher
from tests.controlplane.valkeys import Valkey
from tests.support.processes import wait_for

pytestmark = pytest.mark.django_db(transaction=True)
URL = "http://127.0.0.1:9/mcp"
TLS = ("--tls", "gate.crt", "gate.key")


@pytest.fixture
def publisher(valkey: Valkey, broker: Valkey) -> Iterator[RunningPublisher]:
    """Running, with the servers `files` and `mail`."""
    ServerFactory(id="files")
    ServerFactory(id="mail")
    with RunningPublisher() as running:
        yield running


def write_certificate(directory: Path) -> tuple[str, str]:
    """Files of a certificate and its key."""
    made = issue(make_authority(["gate.example"], utc_now()), ["gate.example"], utc_now())
    certificate, key = directory / "gate.crt", directory / "gate.key"
    certificate.write_text(made.certificate_pem)
    key.write_text(made.key_pem)
    return str(certificate), str(key)


def test_what_is_printed_is_a_file_that_the_enforcer_can_load(publisher: RunningPublisher, data_dir: Path) -> None:
    ended = run("enroll", "probe", "--server", "files", "--command", "--", "mcp-server-git", "--repository", 'a "b"')
    assert ended.code == 0, ended.err
    (data_dir / "probe.toml").write_text(ended.out)
    config = load(data_dir / "probe.toml")
    assert config.enforcer_id == "probe"
    assert config.listen.loopback
    assert config.root_keys == (publisher.ring.root,)
    assert config.file.upstream[0].command == ["mcp-server-git", "--repository", 'a "b"']
    assert config.data_dir == data_dir / "enforcers" / "probe"


def test_a_gate_beyond_this_machine_is_printed_with_its_certificate_and_the_url_that_clients_call(
    publisher: RunningPublisher, data_dir: Path
) -> None:
    certificate = write_certificate(data_dir)
    face = ["--listen", "0.0.0.0:8801", "--public-url", "https://gate.example", "--tls", *certificate]
    ended = run("enroll", "probe", "--server", "files", "--upstream", URL, *face)
    assert ended.code == 0, ended.err
    (data_dir / "probe.toml").write_text(ended.out)
    config = load(data_dir / "probe.toml")
    assert (config.listen.host, config.file.public_url) == ("0.0.0.0", "https://gate.example")
    assert (config.file.tls.cert, config.file.tls.key) == certificate


def test_one_url_for_two_servers_stands_at_both(publisher: RunningPublisher, data_dir: Path) -> None:
    url = "http://127.0.0.1:9/mcp"
    ended = run("enroll", "probe", "--server", "files", "--server", "mail", "--upstream", url)
    assert ended.code == 0, ended.err
    (data_dir / "probe.toml").write_text(ended.out)
    assert [(u.server, u.url) for u in load(data_dir / "probe.toml").file.upstream] == [("files", url), ("mail", url)]


def test_the_secrets_are_for_the_owner_alone_and_the_database_has_only_their_hashes(
    publisher: RunningPublisher, data_dir: Path
) -> None:
    home = data_dir / "somewhere"
    ended = run("enroll", "probe", "--server", "files", "--upstream", "http://127.0.0.1:9/mcp", "--data-dir", str(home))
    assert ended.code == 0, ended.err
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    files = {path.name: path for path in home.iterdir()}
    assert sorted(files) == ["broker.pass", "enforcer.key", "redis.pass", "server.hmac"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files.values()} == {0o600}
    row = Enforcer.objects.get(id="probe")
    assert row.key == SigningKey.from_text(files["enforcer.key"].read_text()).public
    said = ended.out + ended.err + str(row.__dict__)
    for name in ("redis.pass", "broker.pass", "enforcer.key"):
        assert files[name].read_text().strip() not in said
    key_id, _ = derive_server_key(publisher.ring.org_key, "files")
    assert json.loads(files["server.hmac"].read_text())["files"]["key_id"] == key_id


def test_the_enforcer_can_sign_in_as_soon_as_the_command_returns_and_after_a_restart(
    publisher: RunningPublisher, data_dir: Path, valkey: Valkey, broker: Valkey
) -> None:
    assert run("enroll", "probe", "--server", "files").code == 0
    home = data_dir / "enforcers" / "probe"

    def signs_in(instance: Valkey, file: str) -> bool:
        try:
            with instance.sign_in("enforcer-probe", (home / file).read_text().strip()) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    assert signs_in(valkey, "redis.pass")
    assert signs_in(broker, "broker.pass")
    assert not signs_in(broker, "redis.pass")
    for instance, file in ((valkey, "redis.pass"), (broker, "broker.pass")):
        instance.stop()
        instance.start()
        wait_for(lambda: signs_in(instance, file), "the user after a restart", timeout_s=5)  # noqa: B023


def test_rotation_makes_the_old_password_useless(publisher: RunningPublisher, data_dir: Path, valkey: Valkey) -> None:
    assert run("enroll", "probe", "--server", "files").code == 0
    home = data_dir / "enforcers" / "probe"
    before = {path.name: path.read_text() for path in home.iterdir()}
    client = valkey.sign_in("enforcer-probe", before["redis.pass"].strip())
    assert client.ping()
    assert run("enroll", "probe", "--server", "files", "--server", "mail", "--rotate").code == 0
    assert before["enforcer.key"] != (home / "enforcer.key").read_text()
    with pytest.raises(redis.RedisError):
        client.ping()
    client.close()
    assert valkey.sign_in("enforcer-probe", (home / "redis.pass").read_text().strip()).ping()
    assert set(Enforcer.objects.get(id="probe").servers.values_list("id", flat=True)) == {"files", "mail"}


def test_a_decommissioned_enforcer_loses_its_users(publisher: RunningPublisher, valkey: Valkey, broker: Valkey) -> None:
    assert run("enroll", "probe", "--server", "files").code == 0
    services.decommission(enforcer_id="probe", actor=ADA)
    for instance in (valkey, broker):
        wait_for(lambda: instance.client.acl_users() == ["admin", "default"], "the user's end", timeout_s=5)  # noqa: B023


def test_enrolment_leaves_a_receipt_that_names_user_and_host(publisher: RunningPublisher) -> None:
    assert run("enroll", "probe", "--server", "files").code == 0
    line = bytes(Receipt.objects.get().line)
    assert b'"action":"enforcer.enroll"' in line
    assert b'"sub":"os:' in line


@pytest.mark.parametrize(
    ("argv", "key", "right"),
    [
        (["probe", "--server", "nothing"], "--server", "apply a policy that declares it"),
        (["Probe!", "--server", "files"], "ENFORCER_ID", "write lower-case letters"),
        (["control-plane", "--server", "files"], "ENFORCER_ID", "no free id"),
        (["probe", "--server", "files", "--server", "files"], "--server", "write each once"),
        (["probe", "--server", "files", "--upstream", URL, "--command", "--", "x"], "--command", "one of them"),
        (["probe", "--server", "files", "--command"], "--command", "write --command -- PROGRAM"),
        (["probe", "--server", "files", "--", "x"], "--command", "write --command -- PROGRAM"),
        (["probe", "--server", "files", "--remote", "--embedded"], "--remote", "enrolled on its own host"),
        (["probe", "--server", "files", "--rotate"], "--rotate", "leave --rotate out"),
        (["probe", "--server", "files", "--listen", "0.0.0.0:80"], "--listen", "plaintext beyond this machine"),
        (["probe", "--server", "files", *TLS, "--listen", "0.0.0.0:80"], "--public-url", "nobody can call 0.0.0.0:80"),
        (["probe", "--server", "files", "--public-url", "http://a.example"], "--public-url", "write https://…"),
        (["probe", "--server", "files", "--public-url", "https://u:p@a.example"], "--public-url", "nothing secret"),
        (["probe", "--server", "files", "--listen", "nowhere"], "--listen", "write HOST:PORT"),
    ],
)
def test_wrong_use_is_one_line_and_enrols_nobody(
    publisher: RunningPublisher, data_dir: Path, argv: list[str], key: str, right: str
) -> None:
    ended = run("enroll", *argv)
    assert (ended.code, ended.out) == (2, "")
    assert len(ended.err.splitlines()) == 1
    assert ended.err.startswith(f"command line:1: {key}: ")
    assert right in ended.err
    assert not Enforcer.objects.exists()
    assert not (data_dir / "enforcers").exists()


def test_an_id_that_exists_needs_rotate(publisher: RunningPublisher, data_dir: Path) -> None:
    assert run("enroll", "probe", "--server", "files").code == 0
    before = (data_dir / "enforcers" / "probe" / "enforcer.key").read_text()
    ended = run("enroll", "probe", "--server", "files")
    assert ended.code == 2
    assert "add --rotate" in ended.err
    assert (data_dir / "enforcers" / "probe" / "enforcer.key").read_text() == before


def test_another_enforcers_directory_is_refused(publisher: RunningPublisher, data_dir: Path) -> None:
    assert run("enroll", "probe", "--server", "files").code == 0
    ended = run("enroll", "other", "--server", "files", "--data-dir", str(data_dir / "enforcers" / "probe"))
    assert ended.code == 2
    assert "holds an enforcer's key" in ended.err


def test_a_directory_that_cannot_be_written_enrols_nobody(publisher: RunningPublisher, data_dir: Path) -> None:
    (data_dir / "file").write_text("")
    ended = run("enroll", "probe", "--server", "files", "--data-dir", str(data_dir / "file" / "below"))
    assert (ended.code, ended.out) == (2, "")
    assert not Enforcer.objects.exists()


def test_without_a_control_plane_it_ends_with_3(data_dir: Path) -> None:
    ended = run("enroll", "probe", "--server", "files")
    assert (ended.code, ended.out) == (3, "")
    assert "manage.py up" in ended.err
