"""Outermost: each request gets its trace, and one line in the access log.

The line names the route, never the path, since a path may hold a one-time link; no query, header or body either.
"""

import logging
import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from controlplane.observability.trace import CURRENT, TRACE, trace_of

access = logging.getLogger("controlplane.access")
UNLOGGED = ("healthz", "readyz", "metrics")
NOWHERE = "(none)"
View = Callable[[HttpRequest], HttpResponse]


def traced(get_response: View) -> View:
    """Middleware."""

    def middleware(request: HttpRequest) -> HttpResponse:
        trace, began = trace_of(request.headers.get("traceparent")), time.monotonic()
        request.META[TRACE] = trace
        token = CURRENT.set(trace)
        try:
            response = get_response(request)
            response.headers["traceresponse"] = trace.place.text
            _log(request, response, time.monotonic() - began)
        finally:
            CURRENT.reset(token)
        return response

    return middleware


def _log(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    match = request.resolver_match
    route = match.route if match else NOWHERE
    if route in UNLOGGED or (match is None and response.status_code < 400):
        return  # probes, and static files, which are served before any route is looked for
    level = logging.WARNING if response.status_code >= 500 else logging.INFO
    about = {
        "method": request.method if request.method in METHODS else "(other)",
        "route": route,
        "status": response.status_code,
        "duration_ms": round(seconds * 1000, 1),
    }
    access.log(level, "%(method)s %(route)s %(status)s", about, extra=about)


METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
