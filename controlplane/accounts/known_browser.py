"""Browsers in which somebody has signed in before: wrong passwords are counted for each of them by itself.

Without that, whoever guesses at a name keeps its owner out: the limit per account would be a switch in a stranger's
hand (OWASP calls this device cookies). The cookie opens nothing, and is good for the one name only.
"""

import secrets

from django.conf import settings
from django.core import signing
from django.http import HttpRequest
from django.http.response import HttpResponseBase

COOKIE = "drawbridge_known"
SALT = "controlplane.accounts.known_browser"
KEPT_S = 180 * 86_400


def known_browser(request: HttpRequest, username: str) -> str:
    """Its id; empty for a browser in which this name has never signed in."""
    try:
        said = signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=KEPT_S)
    except signing.BadSignature:
        return ""
    return str(said["id"]) if said["name"] == username.lower() else ""


def remember(request: HttpRequest, response: HttpResponseBase, username: str) -> None:
    """After a whole sign-in. Of several names the last one counts."""
    id_ = known_browser(request, username) or secrets.token_urlsafe(16)
    response.set_cookie(
        COOKIE,
        signing.dumps({"name": username.lower(), "id": id_}, salt=SALT),
        max_age=KEPT_S,
        path="/accounts/",
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
