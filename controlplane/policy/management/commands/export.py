"""`manage.py export`: the policy as a policy file; `export | apply -` changes nothing (CONTRACTS section 1)."""

import io
import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any

from controlplane.common import commands
from controlplane.common.commands import DONE
from controlplane.policy.declarative.current import current_policy
from controlplane.policy.declarative.items import document_of
from controlplane.policy.declarative.json_text import json_lines_of
from controlplane.policy.declarative.reading import one_view
from controlplane.policy.declarative.yaml_lines import MAX_BYTES
from controlplane.policy.declarative.yaml_text import yaml_lines_of


class Command(commands.Command):
    help = "Print the policy as a policy file, for apply, a repository or a backup."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """As CONTRACTS section 1, and a form for large policies."""
        parser.add_argument("--json", action="store_true", help="JSON, an object a line: quick to read, however large")

    def work(self, options: dict[str, Any]) -> int:
        """What a file can say; discovered tools, tokens, enforcers and receipts are no part of it."""
        with one_view():
            policy = current_policy()
        document = document_of(policy)
        size = self._print(json_lines_of(document) if options["json"] else yaml_lines_of(document))
        if size > MAX_BYTES and not options["json"]:
            self.say(f"{size} bytes; apply reads YAML up to {MAX_BYTES}, and more as JSON: export --json")
        return DONE

    def _print(self, lines: Iterable[str]) -> int:
        """Returns how many bytes it was; whoever reads only the beginning ends it."""
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8")  # a policy file is UTF-8, whatever the terminal speaks
        size = 0
        try:
            for line in lines:
                size += len(line.encode())
                self.stdout.write(line, ending="")
            self.stdout.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return size
