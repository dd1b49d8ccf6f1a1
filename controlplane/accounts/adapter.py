"""allauth, as we use it: nobody signs up by themselves, and a sign-in from outside needs a user that exists."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from controlplane.accounts.known_browser import known_browser, remember
from controlplane.accounts.models import User
from controlplane.accounts.sessions import signed_in_recently


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002 - allauth's signature
        """Users are made by an admin."""
        return False

    def is_reauthentication_required(self, *, app: str, **kwargs: object) -> bool:  # noqa: ARG002
        """A sign-in of a minute ago is fresh; allauth alone would ask for the password once more right after it."""
        return not signed_in_recently(self.request)

    def post_login(self, request: HttpRequest, user: User, **more: Any) -> HttpResponseBase:
        """After the password and the second factor."""
        response: HttpResponseBase = super().post_login(request, user, **more)
        remember(request, response, user.get_username())
        return response

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """What wrong passwords are counted by. allauth's own key holds the `Host` header, whose port anybody varies."""
        name = str(credentials.get("username", "")).lower()
        return f"{name}:{known_browser(request, name)}"


class SocialAccountAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth has no types
    def is_open_for_signup(self, request: HttpRequest, sociallogin: object) -> bool:  # noqa: ARG002
        """Users are made by an admin."""
        return False
