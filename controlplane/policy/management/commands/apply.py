"""`manage.py apply FILE|-`: prints the difference and makes it so (CONTRACTS sections 1 and 5)."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.utils import timezone

from controlplane.common import commands
from controlplane.common.actor import host_operator
from controlplane.common.commands import ANSWER_IS_NO, DONE, WRONG_USE, UsageError
from controlplane.common.errors import StackUnreachable
from controlplane.common.unseen import shortened
from controlplane.policy.declarative.apply import apply_policy
from controlplane.policy.declarative.outcome import Applied
from controlplane.policy.declarative.problems import Problem, report
from controlplane.policy.declarative.yaml_lines import MAX_JSON_BYTES, Written, read_yaml
from controlplane.policy.waiting import wait_applied, wait_published

STDIN = "-"
PUBLISH_TIMEOUT_S = 30.0
LONGEST = 500


class Command(commands.Command):
    help = "Apply a policy file; - reads it from standard input."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """As CONTRACTS section 1 names them."""
        parser.add_argument("file", help="a policy file in YAML or JSON, or -")
        parser.add_argument("--dry-run", action="store_true", help="only print the difference; exit 1 if there is one")
        parser.add_argument("--prune", action="store_true", help="remove what the file doesn't name")
        parser.add_argument("--wait", type=float, metavar="S", help="until every live enforcer applied it")

    def work(self, options: dict[str, Any]) -> int:
        """Read, check, apply, wait."""
        name: str = options["file"]
        written = read_yaml(_read(name))
        if isinstance(written, Problem):
            return self._refuse([written], name, Written())
        applied = apply_policy(
            value=written.value,
            source=name,
            actor=host_operator(),
            now=timezone.now(),
            prune=options["prune"],
            dry_run=options["dry_run"],
        )
        if applied.problems:
            return self._refuse(applied.problems, name, written)
        self._print(applied, name, written)
        if options["dry_run"]:
            return ANSWER_IS_NO if applied.changes else DONE
        return self._wait(applied.change_ids, options["wait"])

    def _refuse(self, problems: Iterable[Problem], name: str, written: Written) -> int:
        for line in report(problems, file=name, lines=written.lines):
            self.say(line)
        return WRONG_USE

    def _print(self, applied: Applied, name: str, written: Written) -> None:
        for line in report(applied.warnings, file=name, lines=written.lines):
            self.say(f"warning: {line}")
        if applied.left_alone:
            self.say(f"left as they are, not in this file: {applied.left_alone}; --prune removes them")
        for change in applied.changes:
            self.stdout.write(change.line())
        for line in applied.access:
            self.stdout.write(shortened(line, LONGEST))
        if not applied.changes:
            self.stdout.write("no changes")

    def _wait(self, change_ids: Iterable[int], applied_within_s: float | None) -> int:
        code = DONE
        for change_id in change_ids:
            if not wait_published(change_id, PUBLISH_TIMEOUT_S):
                raise StackUnreachable(f"saved, but not published in {PUBLISH_TIMEOUT_S:.0f} s; is the publisher up?")
            if applied_within_s is not None and not wait_applied(change_id, applied_within_s).complete:
                code = ANSWER_IS_NO
        if code == ANSWER_IS_NO:
            self.say(f"published, but not every live enforcer applied it within {applied_within_s:g} s")
        return code


def _read(name: str) -> bytes:
    try:
        if name == STDIN:
            return sys.stdin.buffer.read(MAX_JSON_BYTES + 1)
        with Path(name).open("rb") as file:
            return file.read(MAX_JSON_BYTES + 1)
    except OSError as problem:
        raise UsageError(f"{name}:1: file: {problem.strerror}; a policy file that can be read, or -") from None
