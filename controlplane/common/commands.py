"""The shape of every command: results on stdout, all else on stderr, exit codes of CONTRACTS section 1."""

import argparse
import sys
from collections.abc import Iterator
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandParser
from django.db import OperationalError, ProgrammingError

from controlplane.common.errors import DomainError, StackUnreachable

DONE, ANSWER_IS_NO, WRONG_USE, UNREACHABLE = 0, 1, 2, 3


class UsageError(Exception):
    """The command or its configuration is wrong: one line, `FILE:LINE: KEY: what is wrong; what would be right`."""

    @classmethod
    def option(cls, name: str, sentence: str) -> "UsageError":
        """For what was typed: the file is the command line."""
        return cls(f"command line:1: {name}: {sentence}")


class Command(BaseCommand):
    """Implement `work`; what it returns is the exit code."""

    requires_system_checks = ()  # they belong to `manage.py check`

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """As Django's, and a mistake on the command line is one line."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        if parser.called_from_command_line:
            for one in (parser, *_subparsers(parser)):
                one.error = self._usage_error  # type: ignore[method-assign]
        return parser

    def work(self, options: dict[str, Any]) -> int:
        """Do it; raise `UsageError` (2), `DomainError` (2) or `StackUnreachable` (3) where it can't be done."""
        raise NotImplementedError

    def handle(self, *_args: str, **options: Any) -> None:
        """Turn every expected ending into its exit code."""
        code = self._ending(options)
        self.stdout.flush()
        if code:
            sys.exit(code)

    def say(self, line: str) -> None:
        """For people, on stderr."""
        self.stderr.write(line, self.style.NOTICE if self.stderr.isatty() else None)

    def _usage_error(self, message: str) -> NoReturn:
        said = message.removeprefix("argument ") if message.startswith("argument ") else f"-: {message}"
        self.say(f"command line:1: {said}; --help shows what would be right")
        sys.exit(WRONG_USE)

    def _ending(self, options: dict[str, Any]) -> int:
        try:
            return self.work(options)
        except UsageError as problem:
            self.say(str(problem))
            return WRONG_USE
        except DomainError as problem:
            self.say(f"command line:1: {problem.code}: {problem.message}")
            return WRONG_USE
        except StackUnreachable as problem:
            self.say(str(problem))
            return UNREACHABLE
        except (OperationalError, ProgrammingError) as problem:
            self.say(f"the database can't be used: {str(problem).splitlines()[0]}; is the control plane up?")
            return UNREACHABLE


def _subparsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.values()
