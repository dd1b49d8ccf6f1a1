"""`/metrics` for whoever holds the token; `/readyz` a word for anybody, and in full for whoever holds it."""

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from controlplane.observability.metrics import text
from controlplane.observability.readiness import Looks
from controlplane.observability.token import expected, holds_token

_LOOKS = Looks()


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponseBase:
    """Without a token file it doesn't exist."""
    if not expected():
        return _word("not found", 404)
    if not holds_token(request):
        refused = _word("the metrics token is needed", 401)
        refused.headers["WWW-Authenticate"] = "Bearer"
        return refused
    try:
        body, content_type = text(request.headers.get("Accept", ""))
    except DatabaseError:
        connection.close()
        return _word("the database can't be asked", 503)
    return HttpResponse(body, content_type=content_type)


@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponseBase:
    """503 when a part is missing."""
    report = _LOOKS.report()
    status = 200 if report.ready else 503
    if holds_token(request):
        return JsonResponse(report.told(), status=status)
    return _word("ready" if report.ready else "not ready", status)


def _word(word: str, status: int) -> HttpResponse:
    return HttpResponse(f"{word}\n", status=status, content_type="text/plain")
