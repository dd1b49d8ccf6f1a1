"""Errors of the enforcer program. Refusals of calls are values, not these.

EnforcerError
├── ConfigurationError   the operator's file or command is wrong (exit code 2)
└── UnreachableError     a part that is needed now can't be reached (exit code 3)
"""


class EnforcerError(Exception):
    """Root of the tree."""


class ConfigurationError(EnforcerError):
    """One line an operator can act on: `FILE:LINE: KEY: what is wrong; what would be right`."""


class UnreachableError(EnforcerError):
    """The stack can't be reached."""
