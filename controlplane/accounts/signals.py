"""What allauth does to an account leaves receipts, and a new second factor ends the sessions that went without it."""

from typing import Any

from allauth.account.signals import password_changed, password_reset, password_set
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added, authenticator_removed, authenticator_reset
from django.db import transaction
from django.http import HttpRequest

from controlplane.accounts.models import User
from controlplane.accounts.services import end_sessions
from controlplane.receipts.services import record_admin_receipt


def connect() -> None:
    """Called once, when apps are ready."""
    authenticator_added.connect(_added, dispatch_uid="drawbridge")
    authenticator_removed.connect(_removed, dispatch_uid="drawbridge")
    authenticator_reset.connect(_renewed, dispatch_uid="drawbridge")
    for signal in (password_changed, password_reset, password_set):
        signal.connect(_password, dispatch_uid="drawbridge")


def _added(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    """Sessions from before it were never asked for it."""
    with transaction.atomic():
        _record(user, "user.second_factor.add", authenticator)
        end_sessions(user, but=request.session.session_key)


def _removed(user: User, authenticator: Authenticator, **_: Any) -> None:
    _record(user, "user.second_factor.remove", authenticator)


def _renewed(user: User, authenticator: Authenticator, **_: Any) -> None:
    _record(user, "user.second_factor.renew", authenticator)


def _record(user: User, action: str, authenticator: Authenticator) -> None:
    detail = {"username": user.get_username(), "type": str(authenticator.type)}
    record_admin_receipt(actor=user.get_username(), action=action, detail={**detail})


def _password(user: User, **_: Any) -> None:
    """Its other sessions end by themselves: each carries a hash of the password."""
    name = user.get_username()
    record_admin_receipt(actor=name, action="user.password", detail={"username": name})
