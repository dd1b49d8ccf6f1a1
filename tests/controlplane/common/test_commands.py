"""How commands end."""

import io
from typing import Any

import pytest
from django.core.management.base import OutputWrapper
from django.db import OperationalError

from controlplane.common.commands import Command, UsageError
from controlplane.common.errors import Conflict, StackUnreachable


@pytest.mark.parametrize(
    ("ending", "code", "line"),
    [
        (UsageError.option("--x", "is wrong; write y"), 2, "command line:1: --x: is wrong; write y"),
        (Conflict("server", "it is there; take another"), 2, "command line:1: server: it is there; take another"),
        (StackUnreachable("no answer"), 3, "no answer"),
        (OperationalError("no file\nmore"), 3, "the database can't be used: no file; is the control plane up?"),
        (1, 1, ""),
    ],
)  # fmt: skip
def test_every_expected_ending_has_its_code_and_at_most_one_line(ending: Exception | int, code: int, line: str) -> None:
    class Ending(Command):
        def work(self, options: dict[str, Any]) -> int:
            if isinstance(ending, int):
                return ending
            raise ending

    command, err = Ending(), io.StringIO()
    command.stderr = OutputWrapper(err)
    with pytest.raises(SystemExit) as ended:
        command.handle()
    assert ended.value.code == code
    assert err.getvalue() == (line + "\n" if line else "")


def test_done_ends_without_a_code() -> None:
    class Done(Command):
        def work(self, options: dict[str, Any]) -> int:
            return 0

    Done().handle()
