"""The frame of every service that writes: the actor's right, the history's author, one transaction that sees all edits.

A service is keyword-only and takes `actor`; a `reason`, where it takes one, goes into the history of every row.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import ParamSpec, TypeVar

from controlplane.common.actor import Actor, Right
from controlplane.common.edits import editing

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Author:
    """Who writes the rows of this transaction, and why."""

    name: str
    reason: str


_author: ContextVar[Author | None] = ContextVar("author", default=None)


def author() -> Author | None:
    """Of the service that is running; nobody where rows are written by a program alone."""
    return _author.get()


@contextmanager
def acting(actor: Actor, reason: str) -> Iterator[None]:
    """The outermost service names the author; those that it calls are part of its act, for its reason if it has one."""
    outer = _author.get()
    if outer is not None and (outer.reason or not reason):
        yield
        return
    token = _author.set(Author(outer.name if outer else actor.name, reason))
    try:
        yield
    finally:
        _author.reset(token)


def service(right: Right) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """`@service(Right.RAISE_KILL)`; the service raises `NotAllowed` for an actor without the right."""

    def wrap(work: Callable[P, R]) -> Callable[P, R]:
        @wraps(work)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            actor, reason = kwargs["actor"], kwargs.get("reason", "")
            assert isinstance(actor, Actor), actor
            assert isinstance(reason, str)
            actor.require(right)
            with acting(actor, reason), editing():
                return work(*args, **kwargs)

        return run

    return wrap
