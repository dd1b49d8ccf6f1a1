import re
from pathlib import Path

import pytest

from controlplane.config.notify import read_channels
from controlplane.config.problem import EnvironmentProblemError

MAIL = {"NOTIFY_EMAIL": "ops@example.com, night@example.com", "EMAIL_URL": "smtp://drawbridge@mail.example.com:587"}


def test_nobody_is_told_unless_somebody_is_named() -> None:
    assert read_channels({}, ()).places == ()


def test_addresses_and_urls_are_places(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x" * 24)
    hook = {"NOTIFY_WEBHOOK": "https://hooks.example.com/a", "NOTIFY_SECRET_FILE": str(secret)}
    read = read_channels({**MAIL, **hook, "EMAIL_FROM": "db@example.com"}, ())
    assert read.places == ("ops@example.com", "night@example.com", "https://hooks.example.com/a")
    assert (read.email_from, read.secret_file) == ("db@example.com", secret)


WRONG: list[tuple[dict[str, str], str]] = [
    ({"NOTIFY_EMAIL": "ops"}, "NOTIFY_EMAIL: 'ops' is no address"),
    ({"NOTIFY_EMAIL": "a@b.c"}, "EMAIL_URL: is missing beside NOTIFY_EMAIL"),
    ({**MAIL, "EMAIL_URL": "mail.example.com"}, "EMAIL_URL: is no URL of a mail server"),
    ({**MAIL, "EMAIL_URL": "smtp://u:geheim@mail.example.com"}, "EMAIL_URL: holds a password"),
    ({**MAIL, "EMAIL_URL": "smtp://mail.example.com:port"}, "EMAIL_URL: is no URL of a mail server"),
    ({"NOTIFY_WEBHOOK": "https://hooks.example.com/a"}, "NOTIFY_SECRET_FILE: is missing beside NOTIFY_WEBHOOK"),
    ({"NOTIFY_WEBHOOK": "http://10.0.0.1/geheim"}, "NOTIFY_WEBHOOK: an entry names an address that is neither"),
    ({"NOTIFY_WEBHOOK": "ftp://hooks.example.com/geheim"}, "NOTIFY_WEBHOOK: an entry is not an http"),
]


@pytest.mark.parametrize(("environ", "said"), WRONG)
def test_what_can_not_be_meant_is_one_line_without_a_secret(environ: dict[str, str], said: str) -> None:
    with pytest.raises(EnvironmentProblemError, match=re.escape(said)) as caught:
        read_channels(environ, ())
    assert "geheim" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_secret_that_can_be_guessed_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("short\n")
    with pytest.raises(EnvironmentProblemError, match="too short"):
        read_channels({"NOTIFY_WEBHOOK": "https://h.example/a", "NOTIFY_SECRET_FILE": str(secret)}, ())


def test_a_secret_that_is_no_base64_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("whsec_" + "x" * 25)
    with pytest.raises(EnvironmentProblemError, match="no base64") as caught:
        read_channels({"NOTIFY_WEBHOOK": "https://h.example/a", "NOTIFY_SECRET_FILE": str(secret)}, ())
    assert "xxx" not in str(caught.value)
