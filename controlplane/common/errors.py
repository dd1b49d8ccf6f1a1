"""Errors of the control plane.

DomainError            what was asked for can't be done; code for programs, message for people
├── Conflict           it is there already, or something else stands on it
├── InvalidState       it makes no sense now
└── NotAllowed         whoever asks lacks the right
StackUnreachable       a part that is needed now doesn't answer (exit code 3)
"""


class DomainError(Exception):
    """Base of what services refuse."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class Conflict(DomainError):  # noqa: N818 - the word that the tree of errors uses
    """It is there already, or something else stands on it."""


class InvalidState(DomainError):  # noqa: N818
    """It makes no sense now."""


class NotAllowed(DomainError):  # noqa: N818
    """Whoever asks lacks the right."""


class StackUnreachable(Exception):  # noqa: N818
    """A part of the stack that is needed now doesn't answer."""
