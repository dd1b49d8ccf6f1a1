"""`manage.py rotate_key ROLE`: another key for one of the publisher's roles; no host of an enforcer is touched."""

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings

from controlplane.common.actor import host_operator
from controlplane.common.commands import DONE, UsageError
from controlplane.common.commands import Command as BaseCommand
from controlplane.policy.publisher.key_changes import Signer, role_of
from controlplane.policy.publisher.keys import KeyFiles, KeysProblemError
from controlplane.policy.waiting import await_generation
from controlplane.receipts.services import record_admin_receipt
from enforcer.contract.keys import Role
from enforcer.contract.strict_json import JsonObject


class Command(BaseCommand):
    """The host operator's, with the root key at hand."""

    help = "Give a role another key, or strike out its old one; the root signs the list."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Rotate first, retire later."""
        parser.add_argument("role", metavar="ROLE", help="policy, incident, lease, ack, permit, token or checkpoint")
        parser.add_argument("--reason", required=True, metavar="TEXT", help="why, for the receipt")
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--compromised", action="store_true", help="nothing that the old key signed counts any more")
        how.add_argument("--retire", action="store_true", help="strike out the old one, once nothing needs it")
        parser.add_argument("--root-key", metavar="FILE", type=Path, help="KEYS_DIR/root if not given")
        parser.add_argument("--wait", type=float, default=30.0, metavar="S", help="for the publisher, 30 if not given")

    def work(self, options: dict[str, Any]) -> int:
        """Done once everything is signed anew."""
        role = role_of(options["role"])
        if not options["reason"].strip():
            raise UsageError.option("--reason", "is empty; say why, for the receipt")
        files = KeyFiles(settings.KEYS_DIR, settings.KEYS_JSON, settings.ROOT_PUB)
        try:
            signer = Signer(files, options["root_key"] or settings.KEYS_DIR / Role.ROOT)
            if options["retire"]:
                generation = signer.retire(role, time.time())
            else:
                generation = signer.rotate(role, compromised=options["compromised"], now=time.time())
        except KeysProblemError as problem:
            raise UsageError(str(problem)) from None
        except OSError as problem:
            raise UsageError(f"{settings.KEYS_DIR}:1: -: can't be written: {problem.strerror}") from None
        act = "key.retire" if options["retire"] else "key.rotate"
        detail: JsonObject = {"role": role, "generation": generation, "compromised": bool(options["compromised"])}
        record_admin_receipt(actor=host_operator().name, action=act, detail={**detail, "reason": options["reason"]})
        await_generation(generation, options["wait"])
        self.stdout.write(f"{role}: generation {generation} published")
        return DONE
