"""Who acts, and what this actor may do. Services ask it; views, commands, the API and tasks only say who it is."""

import getpass
import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from controlplane.common.errors import NotAllowed


class Right(StrEnum):
    """What roles are made of (`controlplane.accounts.roles`); each is a permission `accounts.<right>` of Django's."""

    VIEW = "view"
    PROPOSE = "propose"
    EDIT_POLICY = "edit_policy"
    EDIT_CREDENTIALS = "edit_credentials"
    ISSUE_TOKENS = "issue_tokens"
    RAISE_KILL = "raise_kill"
    LOWER_KILL = "lower_kill"
    MANAGE_FLEET = "manage_fleet"
    READ_RECEIPTS = "read_receipts"
    EXPORT_RECEIPTS = "export_receipts"
    MANAGE_PEOPLE = "manage_people"


@dataclass(frozen=True, slots=True)
class Actor:
    """`name` is what rows, receipts and history keep: `ada`, `token:ci`, `os:root@host.example`."""

    name: str
    rights: frozenset[Right] = field(default_factory=frozenset)

    def may(self, right: Right) -> bool:
        """Whether this actor has it."""
        return right in self.rights

    def require(self, right: Right) -> None:
        """Raises `NotAllowed` where the actor lacks the right."""
        if right not in self.rights:
            raise NotAllowed(right.value, f"{self.name} may not do this: the right {right.value!r} is missing")


def actor_with(name: str, rights: Iterable[str]) -> Actor:
    """Words that are no right of this version give nothing."""
    known = {right.value for right in Right}
    return Actor(name, frozenset(Right(word) for word in rights if word in known))


def host_operator() -> Actor:
    """Whoever may run commands on this host may do everything; named by operating-system user and host."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return Actor(f"os:{user}@{socket.gethostname()}", frozenset(Right))
