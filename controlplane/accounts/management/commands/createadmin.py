"""`manage.py createadmin [USERNAME]`: the first admin; prints, as its last line, a one-time link to set a password."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError

from controlplane.accounts.models import User
from controlplane.accounts.roles import ROLES
from controlplane.accounts.services import create_user, new_password_link
from controlplane.common.actor import host_operator
from controlplane.common.commands import DONE, UsageError
from controlplane.common.commands import Command as BaseCommand

FIRST = ("admin", "policy owner", "platform")


class Command(BaseCommand):
    """The host's operator may do this at any time: it is also the way back in."""

    help = "Create a user who may do everything, or let an existing one set a new password."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Roles may be named; without, all that a first admin needs."""
        parser.add_argument("username", metavar="USERNAME", nargs="?", default="admin")
        parser.add_argument("--email", default="")
        parser.add_argument("--role", action="append", choices=sorted(ROLES), help="may stand several times")

    def work(self, options: dict[str, Any]) -> int:
        """Create, or find, and print the link."""
        username: str = options["username"]
        user = User.objects.filter(username=username).first()
        if user is None:
            user = self._create(username, options)
        elif options["role"] or options["email"]:
            raise UsageError.option("USERNAME", f"{username} exists; change roles and e-mail in the web admin")
        self.stdout.write(new_password_link(user=user, actor=host_operator()))
        return DONE

    def _create(self, username: str, options: dict[str, Any]) -> User:
        roles = options["role"] or FIRST
        try:
            user = create_user(username=username, email=options["email"], roles=roles, actor=host_operator())
        except ValidationError as problem:
            what = "; ".join(f"{key}: {' '.join(texts)}" for key, texts in problem.message_dict.items())
            raise UsageError.option("USERNAME", what) from None
        self.say(f"{username} has the roles {', '.join(roles)}; the link works once and ends in an hour")
        return user
