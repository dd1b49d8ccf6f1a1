"""`manage.py issue_token SUBJECT`: prints, as its last line, a signed token."""

from argparse import ArgumentParser
from typing import Any

from controlplane.common.actor import host_operator
from controlplane.common.commands import DONE
from controlplane.common.commands import Command as BaseCommand
from controlplane.principals.tokens import is_declared, issue_token


class Command(BaseCommand):
    """It acts at once, for whoever may run commands on this host."""

    help = "Issue a token for a principal; the last line printed is the token."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """As CONTRACTS section 1."""
        parser.add_argument("subject", metavar="SUBJECT")
        parser.add_argument("--server", metavar="ID", help="good for this server only")
        parser.add_argument("--ttl", metavar="S", type=int, default=3600, help="seconds, an hour if not given")

    def work(self, options: dict[str, Any]) -> int:
        """Issue and print."""
        subject: str = options["subject"]
        token = issue_token(subject=subject, server_id=options["server"], ttl_s=options["ttl"], actor=host_operator())
        if not is_declared(subject):
            self.say(f"nobody declared a principal {subject!r}: this token will match no grant")
        self.stdout.write(token)
        return DONE
