"""Commits one change after the other, as the web does, and waits until the last committed state is everywhere.

`python -m tests.faults.racer SERVER ROUNDS POLICY_JSON`: in Redis, and on an enforcer's disk. A line a round.
"""

import base64
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import django

WITHIN_S = 20.0
RACED = "raced"


def payload(envelope: bytes | str | None) -> dict[str, Any]:
    """What an envelope holds."""
    found: dict[str, Any] = json.loads(base64.b64decode(json.loads(envelope or b"{}").get("payload", "e30=")))
    return found


def wait(condition: Callable[[], bool], what: str) -> None:
    """Ends the race where it doesn't come."""
    end = time.monotonic() + WITHIN_S
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"not within {WITHIN_S} s: {what}")
        time.sleep(0.002)


@dataclass
class Round:
    """`present`: whether the switch, or the grant, is there after it."""

    server: str
    kind: str
    present: bool

    def change(self) -> None:
        """Commit it."""
        from controlplane.common.actor import Actor, Right
        from controlplane.incidents.services import lower_kill, raise_kill
        from controlplane.policy import edits

        actor = Actor("racer", frozenset(Right))
        grant: dict[str, Any] = {"principal": "grace", "server": self.server, "tools": ["other"], "reason": "race"}
        if self.kind == "incident":
            (raise_kill if self.present else lower_kill)(target=f"tool:{self.server}/raced", reason="r", actor=actor)
        elif self.present:
            assert not edits.save(section="grants", item={**grant, "id": RACED}, actor=actor).problems
        else:
            assert not edits.remove(section="grants", item={"id": RACED}, actor=actor).problems

    def newest(self) -> int:
        """Number of the newest document in the database."""
        from controlplane.policy.models import SignedDocument

        found = SignedDocument.objects.filter(server_id=self.server, kind=self.kind).order_by("-number").first()
        assert found is not None
        return found.number

    def shown_by(self, envelope: bytes | str | None, number: int) -> bool:
        """Whether that is the document of this round."""
        document = payload(envelope)
        field, holds = ("epoch", "kill_switches") if self.kind == "incident" else ("version", "grants")
        return document.get(field) == number and (RACED in json.dumps(document.get(holds, []))) is self.present


def run(server: str, rounds: int, disk: Path) -> None:
    """Raise, lower, grant, take back, and so on."""
    import redis
    from django.conf import settings

    from enforcer.contract import redis_names

    client = redis.Redis.from_url(settings.REDIS_URL)
    names = {"incident": redis_names.incident(server), "policy": redis_names.snapshot(server)}
    on_disk = {"incident": "incident", "policy": "snapshot"}
    for number in range(rounds):
        this = Round(server, ("incident", "policy")[number // 2 % 2], number % 2 == 0)
        name = f"round {number} {this.kind}"
        _play(this, name, lambda kind: client.get(names[kind]), lambda kind: _held(disk, server, on_disk[kind]))
        sys.stdout.write(f"{name}\n")
        sys.stdout.flush()


def _play(this: Round, name: str, in_redis: Callable[[str], Any], held: Callable[[str], str]) -> None:
    before = this.newest()
    this.change()
    wait(lambda: this.newest() > before, f"{name} is signed")
    number = this.newest()
    wait(lambda: this.shown_by(in_redis(this.kind), number), f"{name} is in Redis")
    wait(lambda: this.shown_by(held(this.kind), number), f"{name} is on the enforcer's disk")
    assert this.newest() == number, f"{name} was signed twice"


def _held(disk: Path, server: str, kind: str) -> str:
    return json.dumps(json.loads(disk.read_text())[server][kind])


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.config.settings")
    django.setup()
    run(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
