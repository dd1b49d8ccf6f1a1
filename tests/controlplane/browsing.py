"""Somebody with a role, signed in, as a test client."""

import html
import re
from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib.auth.models import Group
from django.http import HttpResponse
from django.test import Client

from controlplane.accounts.models import User

OWNER, AUTHOR, VIEWER = "policy owner", "policy author", "viewer"


def signed_in(role: str, name: str = "", also: Iterable[str] = ()) -> Client:
    """A browser of somebody with this role, and perhaps others."""
    user = User.objects.create(username=name or role.replace(" ", "-"), is_staff=True)
    user.groups.set(Group.objects.filter(name__in=[role, *also]))
    client = Client(raise_request_exception=True)
    client.force_login(user)
    return client


def fields(page: HttpResponse) -> dict[str, Any]:
    """What the form of an admin page holds, as a browser would send it."""
    form = page.context["adminform"].form  # type: ignore[attr-defined]
    found: dict[str, Any] = {}
    for bound in form:
        value = bound.value()
        if value is None or value is False or bound.field.disabled:
            continue
        prepared = bound.field.prepare_value(value)
        found[bound.html_name] = [str(v) for v in prepared] if isinstance(prepared, list) else prepared
    return found


def send(client: Client, url: str, changes: Mapping[str, Any]) -> HttpResponse:
    """Open the form, change some fields, save; what comes after the redirect, or the form with its errors."""
    filled = {**fields(client.get(url)), **changes}
    page = client.post(url, filled, follow=True)
    assert page.status_code == 200, page
    return page


def errors(page: HttpResponse) -> dict[str, list[str]]:
    """Of the form, by field."""
    form = page.context["adminform"].form  # type: ignore[attr-defined]
    return {name: [str(error) for error in found] for name, found in form.errors.items()}


def text(page: HttpResponse) -> str:
    """What a page says, without its markup, each run of white space one blank."""
    words = re.sub(r"<(script|style)\b.*?</\1>|<[^>]*>", " ", page.content.decode(), flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(words)).replace(" ,", ",").replace(" .", ".")
