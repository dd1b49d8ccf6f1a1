"""`manage.py receipts export|verify|replay|keys|proof|checkpoints|archive` (CONTRACTS sections 1 and 4)."""

import json
import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.db.models import Q, Sum
from django.utils import timezone

from controlplane.common import commands
from controlplane.common.actor import host_operator
from controlplane.common.commands import ANSWER_IS_NO, DONE, UsageError
from controlplane.common.errors import InvalidState
from controlplane.receipts.archived import archive_of
from controlplane.receipts.archiving import archive_month, months_before
from controlplane.receipts.checkpoints import proof_of
from controlplane.receipts.exporting import export_lines, heads_for, waiting
from controlplane.receipts.filters import add_filters, which
from controlplane.receipts.models import Archive, Checkpoint, Conflict, Receipt
from controlplane.receipts.public_keys import listed_keys
from controlplane.receipts.replaying import replayed
from controlplane.receipts.settling import settle
from controlplane.receipts.spreadsheet import csv_rows
from controlplane.receipts.verifying import begin_day, end_day, today, verify_everything, verify_twice
from enforcer.contract.export import ExportReport
from enforcer.contract.progress import on_terminal


class Command(commands.Command):
    """Show what happened, and that nobody changed it."""

    help = "Export receipts as JSON Lines, verify what is stored, or print the public keys."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One word says what to do."""
        todo = parser.add_subparsers(dest="todo", required=True)
        export = todo.add_parser("export", help="canonical JSON Lines with signed chain heads")
        add_filters(export)
        export.add_argument("--csv", action="store_true", help="a table for a spreadsheet; nothing verifies it")
        verify = todo.add_parser("verify", help="recompute everything from the stored bytes")
        for either in (export, verify):
            either.add_argument(
                "--settle", type=float, default=0.0, metavar="S", help="first wait for what is on its way"
            )
        verify.add_argument(
            "--kept", metavar="FILE", help="checkpoints that were kept elsewhere: they must be the same"
        )
        verify.add_argument("--daily", action="store_true", help="once a day, in the background; the result is kept")
        todo.add_parser("checkpoints", help="every checkpoint, a line each, to be kept elsewhere")
        proof = todo.add_parser("proof", help="that a receipt was there when a checkpoint was signed, as JSON")
        proof.add_argument("receipt_id")
        again = todo.add_parser("replay", help="decide a receipt once more, by the policy and the facts that it names")
        again.add_argument("receipt_id")
        archive = todo.add_parser("archive", help="write old months into files and drop them, as the database's owner")
        archive.add_argument("--before", required=True, metavar="YYYY-MM", help="the first month that stays")
        archive.add_argument("--to", required=True, metavar="DIR", type=Path, help="where the files go")
        todo.add_parser("keys", help="the public keys as JSON, for `enforcer verify --key`")

    def work(self, options: dict[str, Any]) -> int:
        """Do the one thing."""
        if options["todo"] in ("keys", "checkpoints", "proof"):
            for line in self._printed(options):
                self.stdout.write(line)
            return DONE
        if options["todo"] == "archive":
            return self._archive(options["before"], options["to"])
        if options["todo"] == "replay":
            return self._replay(self._receipt(options["receipt_id"]))
        self._settle(options["settle"])
        if options["todo"] == "export" and options["csv"]:
            for row in csv_rows(which(options)):
                self.stdout.write(row, ending="")
            return DONE
        if options["todo"] == "export":
            return self._export(which(options))
        return self._verify_daily() if options["daily"] else self._verify(options["kept"])

    def _printed(self, options: dict[str, Any]) -> Iterator[str]:
        """What others verify with."""
        if options["todo"] == "keys":
            yield json.dumps({"keys": listed_keys()}, indent=2)
        elif options["todo"] == "proof":
            yield json.dumps(proof_of(self._receipt(options["receipt_id"])), indent=2)
        else:
            yield from Checkpoint.objects.order_by("number").values_list("envelope", flat=True).iterator()

    def _receipt(self, receipt_id: str) -> Receipt:
        receipt = Receipt.objects.filter(receipt_id=receipt_id).first()
        if receipt is None:
            archive = archive_of(receipt_id)
            where = f"receipt {receipt_id!r} was archived: it is in {archive.file}" if archive else ""
            raise InvalidState("receipt_id", where or f"there is no receipt {receipt_id!r} here")
        return receipt

    def _archive(self, before: str, directory: Path) -> int:
        if not directory.is_dir():
            raise UsageError.option("--to", f"{str(directory)!r} is no directory; make it first")
        months = months_before(before)
        for month in months:
            made = archive_month(month=month, directory=directory, actor=host_operator())
            self.stdout.write(
                f"{made.month}: {made.receipts} receipts in {directory / made.file}, sha256 {made.sha256}"
            )
        if not months:
            self.say(f"no month before {before} is in the database")
        return DONE

    def _replay(self, receipt: Receipt) -> int:
        again = replayed(receipt)
        self.stdout.write(f"{again.outcome}: {again.says}")
        self.stdout.write(f"it says: {receipt.result} {receipt.reason_codes}")
        if again.decision is not None:
            self.stdout.write(f"decided again: {again.decision.result} {' '.join(again.decision.reasons)}")
        for step in again.steps:
            self.stdout.write(f"  {step.name}: {step.outcome}{f', {step.said}' if step.said else ''}")
        return DONE if again.outcome in ("same", "behind") else ANSWER_IS_NO

    def _settle(self, timeout_s: float) -> None:
        if timeout_s > 0 and not settle(timeout_s):
            self.say(f"after {timeout_s:g} s an enforcer still has receipts that are not stored here")

    def _export(self, receipts: Q) -> int:
        for line in export_lines(receipts, heads_for(receipts)):
            self.stdout.write(line.decode())
        for chain_id, sequence, beyond in waiting():
            self.say(f"chain {chain_id}: {beyond} receipts are left out, they wait for sequence {sequence}")
        return DONE

    def _verify(self, kept: str | None) -> int:
        lines = _lines(kept) if kept else []
        report, checkpoints = verify_everything(on_terminal(sys.stderr, "verifying"), lines)
        return self._said(report, checkpoints, lines)

    def _verify_daily(self) -> int:
        """Everything else comes first: it runs at the lowest priority."""
        os.nice(19)
        day = today()
        if begin_day(day=day, now=timezone.now()) is None:
            self.say(f"somebody has begun that of {day} already")
            return DONE
        report, checkpoints = verify_twice()
        end_day(day=day, report=report, checkpoints=checkpoints, now=timezone.now())
        return self._said(report, checkpoints, ())

    def _said(self, report: ExportReport, checkpoints: int, lines: Sequence[bytes]) -> int:
        if conflicts := Conflict.objects.count():
            self.say(f"{conflicts} receipts were refused: another one had their place or id (table receipts_conflict)")
        for problem in report.problems:
            self.stdout.write(problem)
        if report.problems:
            self.stdout.write(f"{report.receipts} receipts, NOT verified")
            return ANSWER_IS_NO
        if lines:
            self.say(f"{checkpoints} checkpoints verified, {len(lines)} of them as they were kept")
        if archived := Archive.objects.aggregate(receipts=Sum("receipts"))["receipts"]:
            self.say(f"{archived} receipts are in archives; of them their places and hashes were verified")
        self.stdout.write(f"{report.receipts} receipts, chain verified")
        return DONE


def _lines(file: str) -> list[bytes]:
    try:
        return [line for line in Path(file).read_bytes().splitlines() if line.strip()]
    except OSError as problem:
        raise UsageError(
            f"{file}:1: --kept: can't be read, {problem.strerror}; name what `receipts checkpoints` printed"
        ) from None
