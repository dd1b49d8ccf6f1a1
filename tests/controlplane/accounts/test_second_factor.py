"""The second factor: required where the control plane is reached over TLS, and asked of every session."""

import subprocess
import sys
from pathlib import Path

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks
from pytest_django.fixtures import Settings

from controlplane.accounts.models import User
from controlplane.config.environment import ROOT
from controlplane.receipts.models import Receipt
from enforcer.contract.strict_json import parse_object
from tests.controlplane.people import person

pytestmark = pytest.mark.django_db
PASSWORD = "correct-horse-battery"


Commits = DjangoCaptureOnCommitCallbacks


@pytest.fixture
def commits(django_capture_on_commit_callbacks: Commits) -> Commits:
    """What happens once the request's transaction is committed."""
    return django_capture_on_commit_callbacks


def ada() -> User:
    user = person("viewer", username="ada")
    user.set_password(PASSWORD)
    user.save()
    return user


def signed_in() -> Client:
    client = Client()
    client.post("/accounts/login/", {"login": "ada", "password": PASSWORD})
    return client


@pytest.fixture(autouse=True)
def _half_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """One for the whole test: another one may begin between the making of a code and its use."""
    counters = tuple(auth.yield_hotp_counters_from_time())
    monkeypatch.setattr(auth, "yield_hotp_counters_from_time", lambda: iter(counters))


def code_of(secret: str) -> str:
    """What the app shows now."""
    counter = next(iter(auth.yield_hotp_counters_from_time()))
    return format_hotp_value(hotp_value(secret, counter))


def actions() -> list[str]:
    return [str(parse_object(bytes(row.line))["action"]) for row in Receipt.objects.order_by("sequence")]


@pytest.mark.parametrize(
    ("url", "required"), [("https://drawbridge.example", "True"), ("http://127.0.0.1:8000", "False")]
)
def test_it_is_required_where_the_public_url_is_https(url: str, required: str, tmp_path: Path) -> None:
    ask = "from controlplane.config import settings as s; print(s.MFA_REQUIRED, s.SESSION_COOKIE_SECURE,"
    ask += " s.CSRF_COOKIE_SECURE, s.SECURE_SSL_REDIRECT, s.SECURE_HSTS_SECONDS > 0)"
    environment = {"PUBLIC_URL": url, "DRAWBRIDGE_DATA_DIR": str(tmp_path), "PATH": ""}
    done = subprocess.run([sys.executable, "-c", ask], cwd=ROOT, env=environment, capture_output=True, check=False)
    assert done.stdout.decode().split() == [required] * 5, done.stderr.decode()


@pytest.mark.parametrize(
    "path", ["/", "/admin/", "/admin/incidents/killswitch/add/", "/find/?q=x", "/parts/freshness/"]
)
def test_without_one_nothing_opens_but_setting_one_up(path: str, settings: Settings) -> None:
    settings.MFA_REQUIRED = True
    ada()
    client = signed_in()
    answer = client.get(path)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/accounts/2fa/")
    assert client.post(path, {"target": "all"}).headers["Location"] == "/accounts/2fa/"
    assert client.get("/accounts/2fa/").status_code == 200
    assert client.get("/accounts/2fa/totp/activate/").status_code == 200, (
        "right after the sign-in, without asking again"
    )


def test_it_is_set_up_with_an_app_and_then_everything_opens(settings: Settings, commits: Commits) -> None:
    settings.MFA_REQUIRED = True
    ada()
    client = signed_in()
    form = client.get("/accounts/2fa/totp/activate/").context["form"]
    with commits(execute=True):
        client.post("/accounts/2fa/totp/activate/", {"code": code_of(form.secret)})
    assert set(Authenticator.objects.values_list("type", flat=True)) == {"totp", "recovery_codes"}
    assert client.get("/").status_code == 200
    assert "user.second_factor.add" in actions()
    stored = b"".join(bytes(row.line) for row in Receipt.objects.all())
    assert form.secret.encode() not in stored


def test_setting_one_up_ends_the_sessions_that_went_without(settings: Settings, commits: Commits) -> None:
    settings.MFA_REQUIRED = True
    ada()
    here, there = signed_in(), signed_in()
    form = here.get("/accounts/2fa/totp/activate/").context["form"]
    with commits(execute=True):
        here.post("/accounts/2fa/totp/activate/", {"code": code_of(form.secret)})
    assert here.get("/").status_code == 200
    answer = there.get("/")
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/accounts/login/")


def test_a_sign_in_asks_for_the_code_and_a_wrong_one_opens_nothing() -> None:
    user, secret = ada(), generate_totp_secret()
    TOTP.activate(user, secret)
    client = signed_in()
    assert client.get("/").status_code == 302
    right = code_of(secret)
    wrong = f"{(int(right) + 1) % 1_000_000:06}"
    assert client.post("/accounts/2fa/authenticate/", {"code": wrong}).status_code == 200
    assert client.get("/").status_code == 302
    client.post("/accounts/2fa/authenticate/", {"code": right})
    assert client.get("/").status_code == 200


def test_a_code_works_once() -> None:
    user, secret = ada(), generate_totp_secret()
    TOTP.activate(user, secret)
    code = code_of(secret)
    first, second = signed_in(), signed_in()
    first.post("/accounts/2fa/authenticate/", {"code": code})
    second.post("/accounts/2fa/authenticate/", {"code": code})
    assert first.get("/").status_code == 200
    assert second.get("/").status_code == 302


def test_giving_it_up_leaves_a_receipt_and_shuts_everything_again(settings: Settings) -> None:
    settings.MFA_REQUIRED = True
    user, secret = ada(), generate_totp_secret()
    TOTP.activate(user, secret)
    client = signed_in()
    client.post("/accounts/2fa/authenticate/", {"code": code_of(secret)})
    assert client.get("/").status_code == 200
    client.post("/accounts/2fa/totp/deactivate/")
    assert "user.second_factor.remove" in actions()
    assert client.get("/").headers["Location"] == "/accounts/2fa/"


def test_the_secret_is_shown_to_nobody_once_it_is_set_up() -> None:
    user, secret = ada(), generate_totp_secret()
    TOTP.activate(user, secret)
    client = signed_in()
    client.post("/accounts/2fa/authenticate/", {"code": code_of(secret)})
    for url in ("/accounts/2fa/", "/accounts/2fa/totp/deactivate/", "/accounts/2fa/totp/activate/"):
        assert secret not in client.get(url).content.decode()
