"""What came of an edit of the policy, and how it leaves a transaction that must not be committed."""

from dataclasses import dataclass

from controlplane.policy.declarative.diff import Change
from controlplane.policy.declarative.problems import Problem


@dataclass(frozen=True, slots=True)
class Applied:
    """With problems nothing was written. `change_ids` are what to wait for; `access` says who can call more or less."""

    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    changes: tuple[Change, ...] = ()
    left_alone: str = ""
    change_ids: tuple[int, ...] = ()
    access: tuple[str, ...] = ()


class NothingWritten(Exception):  # noqa: N818
    """Carries the answer out of the transaction that it rolls back."""

    def __init__(self, answer: Applied) -> None:
        super().__init__()
        self.answer = answer
