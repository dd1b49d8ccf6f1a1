"""Pages of people in the web admin: a module each for users and roles, and for API tokens."""

import allauth.account.admin
import allauth.mfa.admin
import allauth.socialaccount.admin  # noqa: F401 - they register when they are imported: now, and then never again
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib import admin
from django.db.models import Model

from controlplane.accounts.admin_api_tokens import ApiTokenAdmin
from controlplane.accounts.admin_people import RoleAdmin, UserAdmin

FOREIGN: tuple[type[Model], ...] = (EmailAddress, Authenticator, SocialAccount, SocialApp, SocialToken)
for model in FOREIGN:  # their pages would write past the services, and show second factors and secrets of sign-in
    if admin.site.is_registered(model):
        admin.site.unregister(model)

__all__ = ["ApiTokenAdmin", "RoleAdmin", "UserAdmin"]
