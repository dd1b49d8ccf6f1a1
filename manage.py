#!/usr/bin/env python3
"""The control plane's commands (CONTRACTS section 1)."""

import os
import sys


def main() -> None:
    """Run one command; a wrong environment or name ends with one line and exit code 2."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.config.settings")
    from django.core.management import execute_from_command_line  # noqa: PLC0415 - settings must be named first

    from controlplane.config.environment import EnvironmentProblemError  # noqa: PLC0415

    try:
        _refuse_unknown(sys.argv[1:2])
        execute_from_command_line(sys.argv)
    except EnvironmentProblemError as problem:
        sys.stderr.write(f"{problem}\n")
        sys.exit(2)


def _refuse_unknown(words: list[str]) -> None:
    import django  # noqa: PLC0415
    from django.core.management import get_commands  # noqa: PLC0415

    django.setup()  # without it only Django's own commands are known
    for word in words:
        if not word.startswith("-") and word != "help" and word not in get_commands():
            sys.stderr.write(f"command line:1: {word!r}: is no command; manage.py help lists them\n")
            sys.exit(2)


if __name__ == "__main__":
    main()
