"""`manage.py raise_generation`: after a restore from backup the fleet follows again (docs/how-to/restore.md)."""

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from django.utils import timezone

from controlplane.common.actor import host_operator
from controlplane.common.commands import ANSWER_IS_NO, DONE, UsageError
from controlplane.common.commands import Command as BaseCommand
from controlplane.common.errors import StackUnreachable
from controlplane.common.redis import connect
from controlplane.policy.publisher.key_changes import Signer
from controlplane.policy.publisher.keys import KeyFiles, KeysProblemError
from controlplane.policy.restored import Newer, newer_in_redis
from controlplane.policy.waiting import await_generation
from controlplane.receipts.services import record_admin_receipt
from enforcer.contract.fleet import KeyList
from enforcer.contract.keys import Role
from enforcer.contract.strict_json import JsonObject

NOTHING_CHANGED = (
    "nothing was changed: this database allows again what was taken away; narrow the policy by `manage.py apply`, or "
    "repeat this with --accept-wider"
)


class Command(BaseCommand):
    """The host operator's, with the root key at hand."""

    help = "After a restore from backup: keep what was stopped since, and let the fleet follow this database again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The root key may come back for this from where it is kept."""
        parser.add_argument("--reason", required=True, metavar="TEXT", help="why, for the receipt")
        parser.add_argument("--root-key", metavar="FILE", type=Path, help="KEYS_DIR/root if not given")
        parser.add_argument(
            "--accept-wider", action="store_true", help="what the restored policy newly allows is right"
        )
        parser.add_argument("--without-redis", action="store_true", help="nobody can say what was stopped since")
        parser.add_argument("--wait", type=float, default=30.0, metavar="S", help="for the publisher, 30 if not given")

    def work(self, options: dict[str, Any]) -> int:
        """Look first, then keep what is stopped, then raise it."""
        files = KeyFiles(settings.KEYS_DIR, settings.KEYS_JSON, settings.ROOT_PUB)
        root: Path = options["root_key"] or settings.KEYS_DIR / Role.ROOT
        reason: str = options["reason"]
        if not reason.strip():
            raise UsageError.option("--reason", "is empty; say why, for the receipt")
        try:
            signer = Signer(files, root)  # without the root's key nothing begins
            newer = Newer() if options["without_redis"] else _newer(signer.list)
            wider = list(newer.wider(timezone.now()))
            for line in wider:
                self.stdout.write(line)
            if wider and not options["accept_wider"]:
                self.say(NOTHING_CHANGED)
                return ANSWER_IS_NO
            why = f"stood when the database was restored: {reason}"
            for line in newer.keep_stops(actor=host_operator(), reason=why):
                self.stdout.write(line)
            generation = signer.raise_generation(time.time())
        except KeysProblemError as problem:
            raise UsageError(str(problem)) from None
        except OSError as problem:
            raise UsageError(f"{files.key_list}:1: -: can't be written: {problem.strerror}") from None
        detail: JsonObject = {"generation": generation, "reason": reason}
        record_admin_receipt(actor=host_operator().name, action="generation.raise", detail=detail)
        await_generation(generation, options["wait"])
        self.stdout.write(f"generation {generation} published")
        return DONE


def _newer(keys: KeyList) -> Newer:
    if not settings.REDIS_URL:
        raise StackUnreachable("nobody said where Redis is (REDIS_URL)")
    client = connect(settings.REDIS_URL)
    try:
        return newer_in_redis(client, keys)
    except redis.RedisError as problem:
        sentence = "so nobody knows what was stopped since the backup; --without-redis goes on all the same"
        raise StackUnreachable(f"Redis can't be asked ({type(problem).__name__}), {sentence}") from None
    finally:
        client.close()
