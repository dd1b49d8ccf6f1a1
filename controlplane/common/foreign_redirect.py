"""Redirects to a foreign site after a form become a page of our own: `form-action 'self'` forbids the redirect itself.

Chromium applies the directive to every redirect that follows a form submission, and the other site can't be listed:
an identity provider's or OAuth client's address differs from request to request.
"""

from collections.abc import Callable
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

PATHS = ("/accounts/", "/o/")


def foreign_redirect(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware for the paths where such redirects are meant."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        target = response.headers.get("Location", "")
        if not (300 <= response.status_code < 400 and request.path.startswith(PATHS) and _is_foreign(request, target)):
            return response
        page = render(request, "continue.html", {"url": target, "host": urlsplit(target).netloc})
        page.cookies = response.cookies
        page.headers["Cache-Control"] = "no-store"
        return page

    return middleware


def _is_foreign(request: HttpRequest, target: str) -> bool:
    parts = urlsplit(target)
    return parts.scheme in ("http", "https") and (parts.scheme, parts.netloc) != (request.scheme, request.get_host())
