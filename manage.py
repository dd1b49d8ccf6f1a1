#!/usr/bin/env python3
"""The control plane's commands (CONTRACTS section 1)."""

import os
import sys


def main() -> None:
    """Run one command; a wrong environment ends with one line and exit code 2."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.config.settings")
    from django.core.management import execute_from_command_line  # noqa: PLC0415 - settings must be named first

    from controlplane.config.environment import EnvironmentProblemError  # noqa: PLC0415

    try:
        execute_from_command_line(sys.argv)
    except EnvironmentProblemError as problem:
        sys.stderr.write(f"{problem}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
