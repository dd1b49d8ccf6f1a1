"""Signing in: how often somebody may be wrong, from where, and what a stranger learns or can break."""

import subprocess
import sys
from collections import Counter
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.utils import timezone

from controlplane.accounts.known_browser import COOKIE
from controlplane.accounts.models import User
from controlplane.config.environment import ROOT
from tests.controlplane.people import person

pytestmark = pytest.mark.django_db
PASSWORD = "correct-horse-battery"
URL = "/accounts/login/"
TOO_MANY = "Too many failed login attempts"


@pytest.fixture(autouse=True)
def _nobody_was_wrong_yet() -> None:
    cache.clear()


def ada(username: str = "ada") -> User:
    user = person("viewer", username=username)
    user.set_password(PASSWORD)
    user.save()
    return user


def attempt(client: Client, password: str, *, name: str = "ada", host: str = "127.0.0.1", **more: str) -> str:
    """`in`, `wrong`, `locked` or `limited`."""
    given = {"login": name, "password": password}
    answer = client.post(URL, given, headers={"Host": host}, **more)  # type: ignore[arg-type]
    if answer.status_code == 302:
        return "in"
    if answer.status_code == 429:
        return "limited"
    return "locked" if TOO_MANY in answer.content.decode() else "wrong"


def address(number: int) -> str:
    return f"198.51.100.{number}"


def test_the_name_alone_is_not_said_to_be_wrong() -> None:
    ada()
    for name in ("ada", "nobody"):
        page = Client().post(URL, {"login": name, "password": "x"}).content.decode()
        assert "The username and/or password you specified are not correct." in page


def test_one_address_is_wrong_ten_times_a_minute_at_most() -> None:
    ada()
    tries = [attempt(Client(), "x", name=f"name-{n}", REMOTE_ADDR=address(1)) for n in range(12)]
    assert Counter(tries) == {"wrong": 10, "locked": 2}
    assert attempt(Client(), "x", name="name", REMOTE_ADDR=address(2)) == "wrong"


def test_one_name_is_guessed_at_five_times_whatever_the_address() -> None:
    ada()
    tries = [attempt(Client(), "x", REMOTE_ADDR=address(n)) for n in range(6)]
    assert tries == ["wrong"] * 5 + ["locked"]
    assert attempt(Client(), PASSWORD, REMOTE_ADDR=address(9)) == "locked", "the right one is not told from others"


def test_no_other_port_in_the_host_header_gives_five_more() -> None:
    ada()
    tries = [attempt(Client(), "x", host=f"127.0.0.1:{n}", REMOTE_ADDR=address(n)) for n in range(1, 8)]
    assert tries == ["wrong"] * 5 + ["locked"] * 2


def test_a_stranger_does_not_keep_out_whoever_signed_in_here_before() -> None:
    ada()
    mine = Client()
    assert attempt(mine, PASSWORD) == "in"
    mine.post("/accounts/logout/")
    for n in range(7):
        attempt(Client(), "x", REMOTE_ADDR=address(n))
    assert attempt(Client(), PASSWORD, REMOTE_ADDR=address(50)) == "locked"
    assert attempt(mine, PASSWORD, REMOTE_ADDR=address(51)) == "in"


def test_a_known_browser_is_no_way_to_guess_for_ever() -> None:
    ada()
    mine = Client()
    attempt(mine, PASSWORD)
    mine.post("/accounts/logout/")
    tries = [attempt(mine, "x", REMOTE_ADDR=address(n)) for n in range(7)]
    assert tries == ["wrong"] * 5 + ["locked"] * 2


@pytest.mark.parametrize("theirs", ["", "x", "a.b.c"])
def test_a_made_up_or_foreign_cookie_is_nobodys_browser(theirs: str) -> None:
    ada()
    ada("eve")
    eve = Client()
    attempt(eve, PASSWORD, name="eve")
    eve.post("/accounts/logout/")
    if theirs:
        eve.cookies[COOKIE] = theirs
    for n in range(5):
        attempt(Client(), "x", REMOTE_ADDR=address(n))
    assert attempt(eve, "x", REMOTE_ADDR=address(60)) == "locked"


def test_the_cookie_says_nothing_and_is_out_of_reach_of_scripts() -> None:
    ada()
    client = Client()
    attempt(client, PASSWORD)
    cookie = client.cookies[COOKIE]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/accounts/")
    assert PASSWORD not in cookie.value
    stolen = Client()
    stolen.cookies[COOKIE] = cookie.value
    assert stolen.get("/").status_code == 302


def test_the_limits_hold_in_another_process(transactional_db: None) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("the other process is given a file")
    ada()
    for n in range(5):
        attempt(Client(), "x", REMOTE_ADDR=address(n))
    program = (
        "import django; django.setup()\n"
        "from django.test import Client\n"
        f"page = Client(headers={{'Host': '127.0.0.1'}}).post({URL!r}, {{'login': 'ada', 'password': {PASSWORD!r}}})\n"
        f"print(page.status_code, {TOO_MANY!r} in page.content.decode())"
    )
    environment = {
        "DATABASE_URL": f"sqlite:///{connection.settings_dict['NAME']}",
        "DJANGO_SETTINGS_MODULE": "controlplane.config.settings",
        "DRAWBRIDGE_DATA_DIR": "/nowhere",
        "PATH": "",
    }
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["200", "True"], done.stderr


def test_a_flood_of_names_does_not_wash_away_what_was_counted() -> None:
    ada()
    for n in range(5):
        attempt(Client(), "x", REMOTE_ADDR=address(n))
    for n in range(700):
        cache.set(f"flood-{n}", [timezone.now().timestamp()], 300)
    assert attempt(Client(), PASSWORD, REMOTE_ADDR=address(90)) == "locked"


@pytest.mark.parametrize(("proxies", "counted"), [(0, "10.0.0.1"), (1, "203.0.113.9"), (2, "203.0.113.8")])
def test_whose_address_is_counted_is_what_the_proxies_in_front_say(proxies: int, counted: str, settings: Any) -> None:
    from allauth.account.adapter import get_adapter
    from django.test import RequestFactory

    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    forwarded = "198.51.100.1, 203.0.113.8, 203.0.113.9"
    request = RequestFactory().post(URL, REMOTE_ADDR="10.0.0.1", headers={"X-Forwarded-For": forwarded})
    assert get_adapter().get_client_ip(request) == counted


def hashed(monkeypatch: pytest.MonkeyPatch, name: str, password: str) -> int:
    """How many times a password was hashed for one attempt: that is what takes the time."""
    cache.clear()
    count = 0
    encode = MD5PasswordHasher.encode

    def counting(self: MD5PasswordHasher, *args: Any, **kwargs: Any) -> str:
        nonlocal count
        count += 1
        return str(encode(self, *args, **kwargs))

    with monkeypatch.context() as patched:
        patched.setattr(MD5PasswordHasher, "encode", counting)
        attempt(Client(), password, name=name)
    return count


def test_a_name_that_is_unknown_off_or_without_password_takes_as_long_as_one_that_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ada()
    ada("off")
    User.objects.filter(username="off").update(is_active=False)
    person("viewer", username="new")
    known = hashed(monkeypatch, "ada", "x")
    assert known > 0
    assert [hashed(monkeypatch, name, "x") for name in ("nobody", "off", "new")] == [known] * 3


def test_an_account_that_is_off_opens_to_nobody() -> None:
    user = ada()
    User.objects.filter(pk=user.pk).update(is_active=False)
    client = Client()
    client.post(URL, {"login": "ada", "password": PASSWORD})
    assert client.get("/").status_code == 302


def test_a_sign_in_without_a_role_shows_nothing() -> None:
    person(username="nora")
    client = Client()
    client.force_login(User.objects.get(username="nora"))
    assert client.get("/").status_code == 403
    assert client.get("/admin/").status_code == 403 or "no role yet" in client.get("/admin/login/").content.decode()


def test_djangos_own_sign_in_is_no_way_around() -> None:
    ada()
    answer = Client().post("/admin/login/?next=/admin/", {"username": "ada", "password": PASSWORD})
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/accounts/login/")


def test_a_form_from_elsewhere_is_refused() -> None:
    ada()
    answer = Client(enforce_csrf_checks=True).post(URL, {"login": "ada", "password": PASSWORD})
    assert answer.status_code == 403


def test_the_counts_are_kept_where_all_processes_see_them_and_passwords_are_hashed_slowly() -> None:
    assert settings.CACHES["default"]["BACKEND"].endswith("DatabaseCache")
    program = "from controlplane.config import settings; print(settings.PASSWORD_HASHERS[0])"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("ScryptPasswordHasher")
