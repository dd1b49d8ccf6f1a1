"""`manage.py api_token NAME --scope …`: prints, as its last line, a token for the API."""

from argparse import ArgumentParser
from typing import Any

from controlplane.accounts.services import create_api_token
from controlplane.common.actor import Right, host_operator
from controlplane.common.commands import DONE
from controlplane.common.commands import Command as BaseCommand


class Command(BaseCommand):
    """The token is printed once and stored nowhere."""

    help = "Create a token for the API; the last line printed is the token."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """As CONTRACTS section 1."""
        parser.add_argument("name", metavar="NAME", help="what it is for")
        parser.add_argument("--scope", action="append", required=True, choices=[right.value for right in Right],
                            help="may stand several times")  # fmt: skip
        parser.add_argument("--days", type=int, default=90, metavar="N", help="how long it is good, 90 if not given")

    def work(self, options: dict[str, Any]) -> int:
        """Create and print."""
        row, token = create_api_token(
            name=options["name"], scopes=options["scope"], days=options["days"], actor=host_operator()
        )
        self.say(f"{row.name}: {', '.join(row.scopes)}, until {row.expires_at:%Y-%m-%d}")
        self.stdout.write(token)
        return DONE
