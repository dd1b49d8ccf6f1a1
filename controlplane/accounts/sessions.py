"""How long a sign-in lasts: half an hour without a request, twelve hours in all."""

import time
from collections.abc import Callable

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse

LONGEST_S = 12 * 3600
TOUCHED_EVERY_S = 60
BEGAN, SEEN = "began", "seen"


def limited_sessions(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware. The session's own age (`SESSION_COOKIE_AGE`) ends idle ones; it is renewed at most once a minute."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            now = int(time.time())
            began = request.session.setdefault(BEGAN, now)
            if now - began > LONGEST_S:
                logout(request)
            elif now - request.session.get(SEEN, 0) >= TOUCHED_EVERY_S:
                request.session[SEEN] = now
        return get_response(request)

    return middleware
