"""How long a sign-in lasts: half an hour without somebody doing something, twelve hours in all."""

import time
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

LONGEST_S = 12 * 3600
TOUCHED_EVERY_S = 60
BEGAN, SEEN = "began", "seen"


def limited_sessions(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware. The session's own age (`SESSION_COOKIE_AGE`) ends idle ones; it is renewed at most once a minute.

    A part of a page that refreshes by itself renews nothing: an open page in an empty room is idle.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            now = int(time.time())
            began = request.session.setdefault(BEGAN, now)
            if now - began > LONGEST_S:
                logout(request)
            elif now - request.session.get(SEEN, 0) >= TOUCHED_EVERY_S and not _by_itself(request):
                request.session[SEEN] = now
        return _reloaded_where_ended(request, get_response(request))

    return middleware


def signed_in_recently(request: HttpRequest) -> bool:
    """Whether the sign-in itself is fresh enough for acts that ask for a fresh one."""
    age = time.time() - float(request.session.get(BEGAN, 0))
    return age < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT


def _by_itself(request: HttpRequest) -> bool:
    return request.method == "GET" and "HX-Request" in request.headers


def _reloaded_where_ended(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """The sign-in form belongs on a page of its own, not into the part of a page that asked."""
    to_sign_in = response.headers.get("Location", "").startswith(reverse("account_login"))
    if "HX-Request" in request.headers and to_sign_in:
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    return response
