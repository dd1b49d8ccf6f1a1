"""Where `MFA_REQUIRED`, whoever signed in without a second factor can do nothing but set one up."""

from collections.abc import Callable

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

OPEN = ("/accounts/", "/static/", "/api/", "/healthz", "/readyz", "/metrics")  # the API knows tokens, not sessions


def second_factor_required(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware; what it redirects to is allauth's page for setting one up."""

    def middleware(request: HttpRequest) -> HttpResponse:
        asked = settings.MFA_REQUIRED and not request.path.startswith(OPEN) and request.user.is_authenticated
        if asked and not is_mfa_enabled(request.user):
            return HttpResponseRedirect(reverse("mfa_index"))
        return get_response(request)

    return middleware
