"""One-time links with which somebody sets a password: they work once, and for a limited time."""

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.urls import reverse

from controlplane.accounts.models import User


def password_link(user: User) -> str:
    """It ends with the first use, the next sign-in or after `PASSWORD_RESET_TIMEOUT`."""
    words = {"uidb36": user_pk_to_url_str(user), "key": default_token_generator.make_token(user)}
    path = reverse("account_reset_password_from_key", kwargs=words)
    return f"{settings.PUBLIC_URL}{path}"
