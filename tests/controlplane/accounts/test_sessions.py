"""How long a sign-in lasts, and what ends it."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from controlplane.accounts import sessions
from controlplane.accounts.models import User
from controlplane.accounts.services import change_user, end_sessions, live_sessions
from controlplane.accounts.sessions import BEGAN, SEEN
from tests.controlplane.actors import ADA
from tests.controlplane.people import client_of, person

pytestmark = pytest.mark.django_db
START = 1_800_000_000
PARTS = "/parts/freshness/"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds since the sign-in; the sessions' table knows the same time."""
    now = [0.0]
    monkeypatch.setattr(sessions.time, "time", lambda: START + now[0])
    monkeypatch.setattr("django.contrib.sessions.backends.db.timezone.now", lambda: _at(now[0]))
    monkeypatch.setattr("django.contrib.sessions.backends.base.timezone.now", lambda: _at(now[0]))
    return now


def _at(seconds: float) -> Any:
    return timezone.datetime.fromtimestamp(START + seconds, tz=timezone.get_default_timezone())


def opens(client: Client, url: str = "/", **headers: str) -> bool:
    """Whether somebody is signed in."""
    return client.get(url, headers=headers).status_code == 200


def test_half_an_hour_without_anything_done_ends_it(clock: list[float]) -> None:
    client = client_of("viewer")
    assert opens(client)
    clock[0] = settings.SESSION_COOKIE_AGE - 5
    assert opens(client)
    clock[0] += settings.SESSION_COOKIE_AGE + 70
    assert not opens(client)


def test_work_keeps_it_alive_for_twelve_hours_and_no_longer(clock: list[float]) -> None:
    client = client_of("viewer")
    while clock[0] <= sessions.LONGEST_S:
        assert opens(client), clock[0]
        clock[0] += 20 * 60
    assert not opens(client)


def test_an_open_page_that_refreshes_by_itself_is_no_work(clock: list[float]) -> None:
    client = client_of("viewer")
    assert opens(client)
    while clock[0] < settings.SESSION_COOKIE_AGE - 60:
        clock[0] += 60
        assert opens(client, PARTS, **{"HX-Request": "true"})
    clock[0] = settings.SESSION_COOKIE_AGE + 60
    assert not opens(client)


def test_the_page_that_refreshes_by_itself_is_loaded_anew_where_the_session_has_ended(clock: list[float]) -> None:
    client = client_of("viewer")
    assert opens(client)
    clock[0] = settings.SESSION_COOKIE_AGE + 120
    answer = client.get(PARTS, headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Refresh"], answer.content) == (204, "true", b"")
    assert client.get(PARTS).status_code == 302, "and whoever asks otherwise is led to the sign-in"


def test_a_session_is_written_at_most_once_a_minute(clock: list[float], django_assert_max_num_queries: Any) -> None:
    client = client_of("viewer")
    opens(client)
    seen = client.session[SEEN]
    clock[0] = 30
    opens(client)
    assert client.session[SEEN] == seen
    clock[0] = 61
    opens(client)
    assert client.session[SEEN] > seen


def test_the_key_changes_with_the_sign_in() -> None:
    user = person("viewer")
    user.set_password("correct-horse-battery")
    user.save()
    client = Client()
    client.get("/accounts/login/")
    session = client.session
    session["planted"] = True
    session.save()
    before = session.session_key
    client.cookies[settings.SESSION_COOKIE_NAME] = before or ""
    client.post("/accounts/login/", {"login": "paul", "password": "correct-horse-battery"})
    assert client.session.session_key != before
    assert not Session.objects.filter(session_key=before).exists()


@pytest.mark.parametrize(("roles", "active"), [(["viewer", "admin"], True), ([], True), (["viewer"], False)])
def test_every_session_ends_with_a_change_of_roles(roles: list[str], active: bool) -> None:
    clients = [client_of("viewer"), Client()]
    user = User.objects.get()
    clients[1].force_login(user)
    assert all(opens(client) for client in clients)
    change_user(user=user, email="", roles=roles, active=active, actor=ADA)
    assert not any(opens(client) for client in clients)
    assert live_sessions(user) == []


def test_a_change_of_the_e_mail_alone_ends_nothing() -> None:
    client = client_of("viewer")
    change_user(user=User.objects.get(), email="p@example.org", roles=["viewer"], active=True, actor=ADA)
    assert opens(client)


def test_only_the_users_own_sessions_end() -> None:
    paul, vera = client_of("viewer"), client_of("viewer", username="vera")
    assert end_sessions(User.objects.get(username="paul")) == 1
    assert not opens(paul)
    assert opens(vera)


def test_a_new_password_ends_the_other_sessions() -> None:
    user = person("viewer")
    user.set_password("correct-horse-battery")
    user.save()
    here, there = Client(), Client()
    for client in (here, there):
        client.post("/accounts/login/", {"login": "paul", "password": "correct-horse-battery"})
    new = "battery-horse-correct"
    here.post(
        "/accounts/password/change/", {"oldpassword": "correct-horse-battery", "password1": new, "password2": new}
    )
    assert not opens(there)
    assert User.objects.get().check_password(new)


def test_a_session_that_ended_in_the_table_is_nobodys() -> None:
    client = client_of("viewer")
    opens(client)
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    assert live_sessions(User.objects.get()) == []
    assert not opens(client)


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites() -> None:
    user = person("viewer")
    user.set_password("correct-horse-battery")
    user.save()
    client = Client()
    client.post("/accounts/login/", {"login": "paul", "password": "correct-horse-battery"})
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    assert client.session.get_expiry_age() == settings.SESSION_COOKIE_AGE == 1800
    assert BEGAN not in str(cookie)
