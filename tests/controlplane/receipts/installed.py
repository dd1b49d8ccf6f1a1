"""A database with its three roles, as docs/how-to/postgresql.md sets it up."""

import io
import uuid
from pathlib import Path

from django.core.management import call_command

from controlplane.receipts.roles import Roles
from tests.controlplane.receipts.databases import Database, session, signed_in


class Installed:
    """Empty, until `give_roles` and `migrate` are called."""

    def __init__(self, home: Path) -> None:
        self.database = Database(home)
        unique = uuid.uuid4().hex[:8]
        self.roles = Roles(owner=f"o_{unique}", app=f"a_{unique}", maintenance=f"m_{unique}")
        self.names = {"owner": self.roles.owner, "app": self.roles.app, "maintenance": self.roles.maintenance}

    def give_roles(self, role: str | None = None, *, apply: bool = True, to: str = "") -> str:
        """`manage.py database_roles`, as that role or the superuser; what it printed."""
        named = [f"--{role}={name}" for role, name in self.names.items()]
        out = io.StringIO()
        with signed_in(to or self.database.name, role):
            call_command("database_roles", *named, *(["--apply"] if apply else []), stdout=out)
        return out.getvalue()

    def migrate(self, role: str | None) -> None:
        """`manage.py migrate`."""
        self.database.manage("migrate", "--verbosity", "0", role=role)

    def owner_of(self, table: str) -> str:
        """The role that a table belongs to."""
        ((owner,),) = self.database.rows(f"SELECT tableowner FROM pg_tables WHERE tablename = '{table}'")
        return str(owner)

    def drop(self) -> None:
        """The database and the roles."""
        self.database.drop()
        with session() as admin:
            for role in self.names.values():
                admin.execute(f"DROP ROLE IF EXISTS {role}")  # type: ignore[arg-type]
