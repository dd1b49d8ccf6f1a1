"""From whoever signed in to the actor that services know."""

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.http import HttpRequest

from controlplane.accounts.models import User
from controlplane.common.actor import Actor, actor_with

PREFIX = "accounts."


def actor_of(user: AbstractBaseUser | AnonymousUser) -> Actor:
    """Named as they sign in; an inactive or unknown user has no right."""
    if not isinstance(user, User):
        return Actor("anonymous")
    held = (permission for permission in user.get_all_permissions() if permission.startswith(PREFIX))
    return actor_with(user.get_username(), [permission.removeprefix(PREFIX) for permission in held])


def actor_of_request(request: HttpRequest) -> Actor:
    """Asked for once a request."""
    found: Actor | None = getattr(request, "_drawbridge_actor", None)
    if found is None:
        found = actor_of(request.user)
        request._drawbridge_actor = found  # type: ignore[attr-defined]
    return found
