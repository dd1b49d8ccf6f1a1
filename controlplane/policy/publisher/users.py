"""The enforcers' users in one Redis instance, as the database says: made anew whenever the instance has started anew.

Runs in a thread of its own for each instance: a frozen receipts instance must not hold up a kill.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import redis
from django.db import Error as DatabaseError
from django.db import connection

from controlplane.common.redis import command, connect
from controlplane.fleet.models import ACTIVE, Enforcer
from controlplane.fleet.services import users_made
from enforcer.contract.acl import broker_acl, policy_acl

log = logging.getLogger(__name__)
EVERY_S = 0.5
PREFIX = "enforcer-"


@dataclass(frozen=True, slots=True)
class Instance:
    """What the two instances differ in; `counter` is the column that says what has been made there."""

    name: str
    counter: str
    rules: Callable[[Enforcer], list[str]]
    password: Callable[[Enforcer], str]


def _policy_rules(enforcer: Enforcer) -> list[str]:
    return policy_acl(enforcer.id, sorted(server.id for server in enforcer.servers.all()))


POLICY = Instance("policy Redis", "policy_users", _policy_rules, lambda e: e.redis_password_sha256)
BROKER = Instance("receipts Redis", "broker_users", lambda e: broker_acl(e.id), lambda e: e.broker_password_sha256)


class UserKeeper(threading.Thread):
    """Compares database and instance several times a second, and repairs."""

    def __init__(self, instance: Instance, url: str, stopping: threading.Event) -> None:
        super().__init__(name=f"users of {instance.name}", daemon=True)
        self._instance, self._stopping = instance, stopping
        self._client = connect(url)
        self._run_id = ""
        self._trouble = ""

    def run(self) -> None:
        """Until told to stop; trouble is told once. A mistake in here ends the whole process, to be started again."""
        try:
            self._keep()
        finally:
            self._stopping.set()
            connection.close()

    def _keep(self) -> None:
        while not self._stopping.wait(EVERY_S):
            try:
                self.step()
                trouble = ""
            except (redis.RedisError, DatabaseError) as problem:
                trouble = type(problem).__name__
                connection.close()
            if trouble != self._trouble:
                log.warning("%s: users %s", self._instance.name, f"can't be kept, {trouble}" if trouble else "kept")
                self._trouble = trouble

    def step(self) -> None:
        """Make what is missing or old, remove what is not in the database."""
        run_id = str(self._client.info("server")["run_id"])
        present = {str(name) for name in cast("list[Any]", self._client.acl_users())}
        active = list(Enforcer.objects.filter(ACTIVE))
        for enforcer in active:
            outdated = getattr(enforcer, self._instance.counter) != enforcer.wanted_users
            if outdated or run_id != self._run_id or user_name(enforcer.id) not in present:
                self._make(enforcer)
        for name in present - {user_name(enforcer.id) for enforcer in active}:
            if name.startswith(PREFIX):
                self._client.acl_deluser(name)
        self._run_id = run_id

    def _make(self, enforcer: Enforcer) -> None:
        name = user_name(enforcer.id)
        rules = self._instance.rules(enforcer)
        password = "#" + self._instance.password(enforcer)
        command(self._client, "ACL", "SETUSER", name, "reset", "on", password, *rules)
        if getattr(enforcer, self._instance.counter):  # made before, with another password perhaps
            command(self._client, "CLIENT", "KILL", "USER", name)
        users_made(enforcer=enforcer, counter=self._instance.counter)


def user_name(enforcer_id: str) -> str:
    """Of an enforcer, in both instances."""
    return PREFIX + enforcer_id
