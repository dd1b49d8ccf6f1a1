"""Who asks: a token (`Authorization: Token dbk_…`), or whoever is signed in in the browser, for the docs page.

`request.user` is the actor, `request.auth` a name for what it signed in with (`token:<key>`, `user:<id>`).
"""

from allauth.account.decorators import reauthentication_required
from allauth.core.exceptions import ReauthenticationRequired
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.http import HttpRequest
from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from controlplane.accounts.identity import actor_of_request
from controlplane.accounts.services import actor_of_token
from controlplane.api.throttles import count_failure
from controlplane.common.actor import Actor
from controlplane.common.errors import NotAllowed

Caller = tuple[Actor, str]


class TokenAuthentication(authentication.BaseAuthentication):
    """A wrong token is never passed on to the other ways of signing in."""

    def authenticate(self, request: Request) -> Caller | None:
        """Raises 401, and 429 where too many were wrong lately; a right one always passes."""
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "token":
            return None
        token = text.strip()
        actor = actor_of_token(token) if token.isascii() and token.isprintable() else None
        if actor is None:
            count_failure(request)
            raise AuthenticationFailed("the token is unknown, wrong, expired or revoked")
        return actor, f"token:{token.split('_')[1]}"

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002 - the framework's signature
        """What makes it a 401."""
        return 'Token realm="drawbridge"'


class SessionAuthentication(authentication.SessionAuthentication):
    """With the CSRF token on whatever writes, a second factor where one is required, and a sign-in as fresh as the
    pages want it for the methods that a view lists as `fresh`.
    """

    def authenticate(self, request: Request) -> Caller | None:
        """Raises 403."""
        found = super().authenticate(request)
        if found is None:
            return None
        user = found[0]
        if settings.MFA_REQUIRED and not is_mfa_enabled(user):
            raise PermissionDenied("set up a second factor first, under /accounts/2fa/")
        if request.method in getattr(request.parser_context["view"], "fresh", ()):
            _require_fresh_sign_in(request._request)
        return actor_of_request(request._request), f"user:{user.pk}"


@reauthentication_required  # type: ignore[untyped-decorator]  # its adapter is `controlplane.accounts.adapter`
def _is_fresh(_request: HttpRequest) -> None:
    """Nothing: the decorator raises."""


def _require_fresh_sign_in(request: HttpRequest) -> None:
    """As the pages ask for it: an open browser in an empty room must not lower a switch."""
    try:
        _is_fresh(request)
    except ReauthenticationRequired:
        raise NotAllowed("fresh_sign_in", "confirm who you are under /accounts/reauthenticate/ first") from None
