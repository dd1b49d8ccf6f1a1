"""What the first start leaves: every secret once, each where its reader finds it and nobody else."""

import json
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from controlplane.config.environment import read_environment
from deploy.certificates import LIFE, utc_now
from deploy.init import LostError, first_start
from deploy.names import SERVERS

SECRETS = {
    "postgres": {"superuser.pass", "pg_hba.conf"},
    "valkey-policy": {"valkey.conf"},
    "valkey-receipts": {"valkey.conf"},
    "migrate": {"superuser.url", "owner.url", "app.url"},
    "publisher": {"database.url", "redis.url", "broker.url"},
    "web": {"database.url", "redis.url", "broker.url", "django.key", "metrics.token"},
    "worker": {"database.url", "broker.url"},
    "watch": {"database.url", "redis.url", "notify.secret"},
    "init": {"passwords.json", "ca.key", "ca.pem"},
    "trust": {"ca.pem"},
} | {f"{name}-tls": {"server.crt", "server.key"} for name in SERVERS}
READ_BY_ALL = {"ca.pem", "server.crt"}  # the init volume's own ca.pem aside


@pytest.fixture
def volumes(tmp_path: Path) -> Path:
    for name in SECRETS:
        (tmp_path / name).mkdir()
    return tmp_path


def contents(volumes: Path) -> dict[str, str]:
    return {str(path.relative_to(volumes)): path.read_text() for path in volumes.rglob("*") if path.is_file()}


def test_each_volume_has_exactly_what_its_service_needs(volumes: Path) -> None:
    first_start(volumes, utc_now())
    assert {path.name: {file.name for file in path.iterdir()} for path in volumes.iterdir()} == SECRETS


def test_only_certificates_can_be_read_by_others(volumes: Path) -> None:
    first_start(volumes, utc_now())
    for path in (path for path in volumes.rglob("*") if path.is_file()):
        public = path.name in READ_BY_ALL and path.parent.name != "init"
        assert stat.S_IMODE(path.stat().st_mode) == (0o644 if public else 0o600), path


def test_a_password_stands_in_clear_with_its_owner_alone(volumes: Path) -> None:
    first_start(volumes, utc_now())
    found = contents(volumes)
    passwords: dict[str, str] = json.loads(found.pop("init/passwords.json"))
    assert len(set(passwords.values())) == len(passwords)
    assert min(map(len, passwords.values())) >= 64
    holders = {name: {file for file, text in found.items() if value in text} for name, value in passwords.items()}
    assert holders == {
        "postgres": {"postgres/superuser.pass", "migrate/superuser.url"},
        "drawbridge_owner": {"migrate/owner.url"},
        "drawbridge_app": {f"{one}/database.url" for one in ("publisher", "web", "worker", "watch")}
        | {"migrate/app.url"},
        "policy-admin": {"publisher/redis.url"},
        "policy-web": {"web/redis.url", "watch/redis.url"},
        "receipts-admin": {"publisher/broker.url"},
        "receipts-ingest": {"worker/broker.url"},
        "receipts-web": {"web/broker.url"},
        "django": {"web/django.key"},
        "metrics": {"web/metrics.token"},
        "notify": {"watch/notify.secret"},
    }


def test_two_installations_share_no_secret(volumes: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    for name in SECRETS:
        (other / name).mkdir()
    first_start(volumes, utc_now())
    first_start(other, utc_now())
    same = contents(volumes).items() & contents(other).items()
    assert {name for name, _ in same} == {"postgres/pg_hba.conf"}


def test_a_later_start_changes_nothing(volumes: Path) -> None:
    first_start(volumes, utc_now())
    before = contents(volumes)
    first_start(volumes, utc_now() + timedelta(days=1))
    assert contents(volumes) == before


def test_certificates_are_renewed_in_time_and_the_authority_stays(volumes: Path) -> None:
    first_start(volumes, utc_now())
    before = contents(volumes)
    first_start(volumes, utc_now() + LIFE)
    changed = {name for name, text in contents(volumes).items() if text != before[name]}
    assert changed == {f"{name}-tls/{file}" for name in SERVERS for file in ("server.crt", "server.key")}


@pytest.mark.parametrize("lost", ["web-tls/server.crt", "worker/broker.url", "postgres/superuser.pass", "trust/ca.pem"])
def test_a_start_that_was_cut_off_goes_on_where_it_was(volumes: Path, lost: str) -> None:
    first_start(volumes, utc_now())
    before = contents(volumes)
    (volumes / lost).unlink()
    first_start(volumes, utc_now())
    assert contents(volumes).keys() == before.keys()
    assert contents(volumes)["web/database.url"] == before["web/database.url"]


def test_a_rotated_password_is_new_wherever_it_stands_and_no_other_is(volumes: Path) -> None:
    first_start(volumes, utc_now())
    before = contents(volumes)
    first_start(volumes, utc_now(), rotate=["policy-web", "django"])
    changed = {name for name, text in contents(volumes).items() if text != before[name]}
    told = {"web/redis.url", "watch/redis.url", "web/django.key", "valkey-policy/valkey.conf"}
    assert changed == {"init/passwords.json", *told}


def test_an_installation_whose_passwords_are_gone_gets_no_new_ones(volumes: Path) -> None:
    first_start(volumes, utc_now())
    (volumes / "init" / "passwords.json").unlink()
    before = contents(volumes)
    with pytest.raises(LostError, match="restore the volume"):
        first_start(volumes, utc_now())
    assert contents(volumes) == before


@pytest.mark.parametrize("service", ["publisher", "web", "worker"])
def test_the_urls_are_such_that_the_control_plane_takes(volumes: Path, service: str) -> None:
    first_start(volumes, utc_now())
    names = {"database.url": "DATABASE_URL", "redis.url": "REDIS_URL", "broker.url": "RECEIPTS_BROKER_URL"}
    given = {f"{names[f.name]}_FILE": str(f) for f in (volumes / service).iterdir() if f.name in names}
    made = read_environment({**given, "DRAWBRIDGE_DATA_DIR": str(volumes / "none")})
    assert "sslmode=verify-full" in made.database_url
    assert all(url.startswith("rediss://") for url in (made.redis_url, made.receipts_broker_url) if url)
