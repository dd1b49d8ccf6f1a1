"""`manage.py database_roles`: the three roles on PostgreSQL as SQL, printed or applied (docs/how-to/postgresql.md)."""

import re
from argparse import ArgumentParser
from typing import Any

from django.db import ProgrammingError, connection, transaction

from controlplane.common import commands
from controlplane.common.commands import DONE, UsageError
from controlplane.common.errors import InvalidState
from controlplane.receipts.roles import Roles, statements, too_powerful

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_ROLES = {
    "owner": "migrates",
    "app": "what the control plane signs in with",
    "maintenance": "owns the receipts; nobody signs in with it",
}


class Command(commands.Command):
    """It knows no password and asks for none."""

    help = "Print the SQL that makes the three roles and gives them their rights, for the connected database."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """A name for each role."""
        for role, what in _ROLES.items():
            parser.add_argument(f"--{role}", metavar="ROLE", default=f"drawbridge_{role}", help=what)
        parser.add_argument("--apply", action="store_true", help="do it, all or nothing, instead of printing it")

    def work(self, options: dict[str, Any]) -> int:
        """Refuse what can't be meant, then print or do."""
        if connection.vendor != "postgresql":
            raise UsageError("environment:1: DATABASE_URL: is not PostgreSQL, and other databases have no roles here")
        roles = _named(options)
        if too_powerful(roles.app, roles.owner, roles.maintenance):
            what = f"{roles.app} is a superuser, may make roles or can become {roles.owner} or {roles.maintenance}"
            raise UsageError.option("--app", f"{what}; name a role that can't")
        found = statements(roles)
        if options["apply"]:
            self._apply(found)
        else:
            self.stdout.write("".join(f"{statement};\n" for statement in ("BEGIN", *found, "COMMIT")), ending="")
        return DONE

    def _apply(self, found: list[str]) -> None:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                for statement in found:
                    cursor.execute(statement)
        except ProgrammingError as problem:
            why = str(problem).partition("\n")[0]
            raise InvalidState("not_allowed", f"{why}; apply it as a superuser once, then as the owner") from None


def _named(options: dict[str, Any]) -> Roles:
    for role in _ROLES:
        if not _NAME.fullmatch(options[role]):
            raise UsageError.option(f"--{role}", f"{options[role]!r} is no name; write it like drawbridge_{role}")
    if len({options[role] for role in _ROLES}) != len(_ROLES):
        raise UsageError.option("--app", "the three roles have three names")
    return Roles(**{role: options[role] for role in _ROLES})
