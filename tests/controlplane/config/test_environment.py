"""What the environment may say."""

import subprocess
import sys
from pathlib import Path

import pytest

from controlplane.config.environment import ROOT, EnvironmentProblemError, read_environment


def test_a_machine_that_has_nothing_gets_defaults() -> None:
    made = read_environment({"DRAWBRIDGE_DATA_DIR": "/nowhere/at/all"})
    assert (made.redis_url, made.database_url, made.public_url) == ("", "", "http://127.0.0.1:8000")
    assert made.keys_dir == Path("/nowhere/at/all/keys")
    assert len(made.secret_key) > 40


def test_nobody_in_front_is_believed_unless_somebody_says_so() -> None:
    assert read_environment({}).trusted_proxies == 0
    assert read_environment({"TRUSTED_PROXIES": "2"}).trusted_proxies == 2


def test_what_up_left_in_the_data_directory_is_found_and_explicit_values_win(tmp_path: Path) -> None:
    (tmp_path / "redis-admin.url").write_text("redis://admin:a@127.0.0.1:7001/0\n")
    (tmp_path / "broker-admin.url").write_text("redis://admin:b@127.0.0.1:7002/0\n")
    (tmp_path / "web.url").write_text("http://127.0.0.1:7003\n")
    found = read_environment({"DRAWBRIDGE_DATA_DIR": str(tmp_path), "REDIS_URL": "redis://admin:c@localhost:7004/0"})
    assert found.redis_url == "redis://admin:c@localhost:7004/0"
    assert found.receipts_broker_url == "redis://admin:b@127.0.0.1:7002/0"
    assert found.public_url == "http://127.0.0.1:7003"


def test_the_secret_key_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_text("s" * 50 + "\n")
    assert read_environment({"DRAWBRIDGE_DATA_DIR": str(tmp_path)}).secret_key == "s" * 50


def test_what_holds_a_password_may_stand_in_a_file(tmp_path: Path) -> None:
    urls = {
        "DATABASE_URL": "postgresql://app:a@db.example/drawbridge",
        "REDIS_URL": "rediss://web:b@redis.example:6379/0",
        "RECEIPTS_BROKER_URL": "rediss://ingest:c@broker.example:6380/0",
    }
    for name, url in urls.items():
        (tmp_path / name).write_text(url + "\n")
    made = read_environment({f"{name}_FILE": str(tmp_path / name) for name in urls})
    assert [made.database_url, made.redis_url, made.receipts_broker_url] == list(urls.values())


def test_a_value_and_a_file_for_the_same_thing_are_refused(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("rediss://web:hidden@redis.example:6379/0")
    with pytest.raises(EnvironmentProblemError, match="REDIS_URL_FILE: stands beside REDIS_URL; keep one") as told:
        read_environment({"REDIS_URL": "rediss://x:hidden@y.example:6379/0", "REDIS_URL_FILE": str(tmp_path / "url")})
    assert "hidden" not in str(told.value)


def test_an_empty_file_is_told_not_taken_for_no_value(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("\n")
    with pytest.raises(EnvironmentProblemError, match=r"DATABASE_URL_FILE: .* is empty"):
        read_environment({"DATABASE_URL_FILE": str(tmp_path / "url")})


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [
        ("DRAWBRIDGE_DATADIR", "x", "did you mean DRAWBRIDGE_DATA_DIR?"),
        ("DRAWBRIDGE_QQQ", "x", "known are DRAWBRIDGE_DATA_DIR"),
        ("REDIS_URL", "redis://u:hidden@redis.example:6379/0", "write rediss://…"),
        ("REDIS_URL", "http://u:hidden@127.0.0.1", "write redis://HOST:PORT"),
        ("RECEIPTS_BROKER_URL", "redis://u:hidden@127.0.0.1:port", "write redis://HOST:PORT"),
        ("PUBLIC_URL", "http://gate.example", "write https://…"),
        ("PUBLIC_URL", "gate.example", "write http://HOST:PORT"),
        ("ALLOWED_HOSTS", "a.example,*", "name the hosts"),
        ("FETCH_ALLOW", "10.1.0.0/16,intranet", "write them like 10.1.0.0/16"),
        ("TRUSTED_PROXIES", "one", "write 0 to 10"),
        ("TRUSTED_PROXIES", "11", "write 0 to 10"),
        ("SECRET_KEY_FILE", "/nowhere/secret", "name a text file"),
        ("DATABASE_URL_FILE", "/nowhere/url", "name a text file"),
    ],
)
def test_a_value_that_cannot_be_meant_is_one_line_that_names_the_variable(name: str, value: str, right: str) -> None:
    with pytest.raises(EnvironmentProblemError) as told:
        read_environment({name: value})
    line = str(told.value)
    assert line.startswith(f"environment:1: {name}: ")
    assert right in line
    assert "\n" not in line
    assert "hidden" not in line


def test_a_wrong_environment_ends_a_command_with_2_and_one_line(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, ROOT / "manage.py", "check"],
        env={"DRAWBRIDGE_DATADIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert len(ended.stderr.splitlines()) == 1


def test_settings_load_and_deploy_checks_pass_with_tls_in_front(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-W", "error", ROOT / "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        env={"DRAWBRIDGE_DATA_DIR": str(tmp_path), "PUBLIC_URL": "https://gate.example"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr


def test_settings_load_for_postgresql(tmp_path: Path) -> None:
    show = "from django.conf import settings; print(settings.DATABASES['default']['ENGINE'])"
    ended = subprocess.run(
        [sys.executable, "-c", f"import django; django.setup(); {show}"],
        env={
            "DRAWBRIDGE_DATA_DIR": str(tmp_path),
            "DATABASE_URL": "postgresql://u:p@127.0.0.1/x",
            "DJANGO_SETTINGS_MODULE": "controlplane.config.settings",
            "PYTHONPATH": str(ROOT),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stdout.strip() == "django.db.backends.postgresql", ended.stderr
