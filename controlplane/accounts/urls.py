"""Signing in and one's own account: allauth's pages, but those that make no sense where an admin makes the users.

The names of closed pages stay, since allauth's own code asks for their addresses.
"""

from typing import NoReturn

from django.http import Http404, HttpRequest
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from controlplane.accounts import views


def closed(_request: HttpRequest, **_: str) -> NoReturn:
    """Nobody signs up, and nothing is sent by e-mail."""
    raise Http404


urlpatterns = [
    path("", RedirectView.as_view(pattern_name="mfa_index")),
    path("sessions/", views.own_sessions, name="own_sessions"),
    path("signup/", closed, name="account_signup"),
    path("email/", closed, name="account_email"),
    path("confirm-email/", closed, name="account_email_verification_sent"),
    re_path(r"^confirm-email/(?P<key>[-:\w]+)/$", closed, name="account_confirm_email"),
    path("password/reset/", closed, name="account_reset_password"),
    path("password/reset/done/", closed, name="account_reset_password_done"),
    path("login/code/confirm/", closed, name="account_confirm_login_code"),
    path("3rdparty/signup/", closed, name="socialaccount_signup"),
    re_path(r"^social/.*$", closed),  # addresses of older versions
    path("", include("allauth.urls")),
]
