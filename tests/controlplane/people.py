"""Browsers of people with roles, and text as an attacker would write it."""

from django.test import Client

from controlplane.accounts.models import User
from controlplane.accounts.services import create_user
from tests.controlplane.actors import ADA

HOSTILE = "<script>alert(1)</script>\u202e\u200b\x1b[31m'\"><img src=x onerror=alert(2)>{{ 7 }}"


def person(*roles: str, username: str = "paul") -> User:
    """A user with these roles."""
    return create_user(username=username, roles=roles, actor=ADA)


def client_of(*roles: str, username: str = "paul") -> Client:
    """Signed in as a user with these roles."""
    client = Client()
    client.force_login(person(*roles, username=username))
    return client


def assert_inert(page: str) -> None:
    """Hostile text stands in the page, as text, with what can't be seen made visible."""
    assert "&lt;script&gt;alert(1)" in page, "the text isn't there"
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "⟨U+202E⟩⟨U+200B⟩⟨U+001B⟩" in page
    assert not {"\u202e", "\u200b", "\x1b"} & set(page)
