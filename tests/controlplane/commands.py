"""Running a command in the test's process."""

import io
from dataclasses import dataclass

from django.core.management import get_commands, load_command_class
from django.core.management.base import OutputWrapper


@dataclass(frozen=True, slots=True)
class Ended:
    """As a shell would see it."""

    code: int
    out: str
    err: str


def run(name: str, *words: str) -> Ended:
    """`manage.py NAME WORDS`; what argparse itself says goes past `err`."""
    out, err = io.StringIO(), io.StringIO()
    app = get_commands()[name]
    assert isinstance(app, str)
    command = load_command_class(app, name)
    command.stdout, command.stderr = OutputWrapper(out), OutputWrapper(err)
    code: str | int | None = 0
    try:
        command.run_from_argv(["manage.py", name, *words])
    except SystemExit as ended:
        code = ended.code
    assert isinstance(code, int)
    return Ended(code, out.getvalue(), err.getvalue())
