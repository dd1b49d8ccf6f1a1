"""Old months leave the database (docs/decisions/0029): exported, verified from the file, dropped with their partition.

The index keeps the place and the hash of every receipt, so chains and checkpoints still verify over what is gone.
"""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from itertools import groupby
from pathlib import Path

from django.db import DatabaseError, connection
from django.db.models import Max, OuterRef, Q, Subquery
from django.utils import timezone

from controlplane.common.actor import Actor, Right
from controlplane.common.errors import InvalidState
from controlplane.common.services import service
from controlplane.receipts.exporting import export_lines, heads_for
from controlplane.receipts.models import Archive, Archived, Chain, Receipt, Stretch
from controlplane.receipts.patience import patience
from controlplane.receipts.public_keys import checkpoint_keys
from controlplane.receipts.services import record_admin_receipt
from enforcer.contract.export import verify_export
from enforcer.contract.receipt import Link
from enforcer.contract.strict_json import JsonObject

MONTH = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])")
KEPT = 1  # whole months before this one that stay in any case: their receipts may still come
STATEMENT_S = 300.0


@dataclass(slots=True)
class _Written:
    """What was read back from a file."""

    sha256: str
    size: int
    places: dict[str, list[int]] = field(default_factory=dict)

    def hear(self, link: Link) -> None:
        self.places.setdefault(link.chain_id, []).append(link.sequence)

    @property
    def receipts(self) -> int:
        return sum(map(len, self.places.values()))


def months_before(month: str) -> list[str]:
    """Those with a partition, the oldest first. Raises `InvalidState` where receipts are one table."""
    if connection.vendor != "postgresql":
        raise InvalidState("database", "receipts are archived by months on PostgreSQL; SQLite keeps them in one table")
    if not MONTH.fullmatch(month):
        raise InvalidState("--before", f"{month!r} is no month; write it like 2026-01")
    latest = _month(timezone.now(), -KEPT)
    if month > latest:
        raise InvalidState("--before", f"receipts of {latest} and later may still come; write {latest} or earlier")
    with connection.cursor() as cursor:
        cursor.execute("SELECT relid::text FROM pg_partition_tree('receipts_receipt') WHERE isleaf ORDER BY 1")
        names = [str(name) for (name,) in cursor.fetchall()]
    found = (name.removeprefix("receipts_receipt_").replace("_", "-") for name in names)
    return [each for each in found if MONTH.fullmatch(each) and each < month]


def archive_month(*, month: str, directory: Path, actor: Actor) -> Archive:
    """Write the month's receipts into a file of the directory, then drop its partition. No transaction may be open.

    Raises `InvalidState` where something of the month isn't whole yet, the file can't be written or doesn't verify, or
    the database's role may not drop.
    """
    which = Q(event_time__gte=f"{month}-01T00:00:00.000Z", event_time__lt=f"{_next(month)}-01T00:00:00.000Z")
    _refuse_unfinished(month, which)
    file = directory / f"receipts-{month}.jsonl"
    try:
        written = _write(file, which)
    except OSError as problem:
        raise InvalidState("--to", f"{file} can't be written: {problem.strerror}") from None
    made = Archive(
        month=month,
        file=file.name,
        sha256=written.sha256,
        size_bytes=written.size,
        receipts=written.receipts,
        made_at=timezone.now(),
    )
    try:
        _drop(made=made, written=written, which=which, actor=actor)
    except DatabaseError as problem:
        said = str(problem).partition("\n")[0]
        raise InvalidState("month", f"{month} stays in the database, and in {file}: {said}") from None
    return made


def _refuse_unfinished(month: str, which: Q) -> None:
    """Every receipt of the month belongs to the whole part of its chain and is under a checkpoint."""
    covered = Stretch.objects.filter(chain_id=OuterRef("chain_id")).order_by("-last").values("last")[:1]
    whole = Chain.objects.filter(chain_id=OuterRef("chain_id")).values("contiguous_to")
    parts = Receipt.objects.filter(which).values("chain_id").annotate(last=Max("sequence"))
    for part in parts.annotate(covered=Subquery(covered), whole=Subquery(whole)).order_by("chain_id"):
        lack = "receipts before it are missing" if part["last"] > (part["whole"] or 0) else ""
        lack = lack or ("it is in no checkpoint yet" if part["last"] > (part["covered"] or 0) else "")
        if lack:
            raise InvalidState("month", f"{month} stays for receipt {part['last']} of chain {part['chain_id']}: {lack}")


def _write(file: Path, which: Q) -> _Written:
    """Export, then read back what is on the disk; a file that is there already is never written over."""
    if file.exists():
        raise InvalidState("--to", f"{file} is there already; name another directory")
    unfinished = file.with_name(file.name + ".unfinished")
    try:
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            for line in export_lines(which, heads_for(which)):
                out.write(line + b"\n")
            out.flush()
            os.fsync(out.fileno())
        written = _read_back(unfinished)
        unfinished.rename(file)
        _sync(file.parent)
    finally:
        with suppress(OSError):
            unfinished.unlink()
    return written


def _sync(directory: Path) -> None:
    """So that the new name is on the disk before anything is dropped."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read_back(file: Path) -> _Written:
    digest = sha256()
    written = _Written("", file.stat().st_size)

    def lines() -> Iterator[bytes]:
        with file.open("rb") as text:
            for line in text:
                digest.update(line)
                yield line.rstrip(b"\n")

    report = verify_export(lines(), checkpoint_keys(), written.hear)
    if report.problems:
        raise InvalidState("--to", f"{file} does not verify, nothing was dropped: {report.problems[0]}")
    written.sha256 = digest.hexdigest()
    return written


@service(Right.EXPORT_RECEIPTS)
def _drop(*, made: Archive, written: _Written, which: Q, actor: Actor) -> None:
    """What came since the export keeps the month where it is."""
    partition = f"receipts_receipt_{made.month.replace('-', '_')}"
    with patience(statement_s=STATEMENT_S), connection.cursor() as cursor:
        cursor.execute(f'LOCK TABLE "{partition}" IN ACCESS EXCLUSIVE MODE')
    there = Receipt.objects.filter(which).count()
    if there != made.receipts:
        raise InvalidState("month", f"{made.month} stays: {there} receipts are there and {made.receipts} in the file")
    made.save(force_insert=True)
    Archived.objects.bulk_create(
        Archived(archive=made, chain_id=chain_id, first=first, last=last)
        for chain_id, sequences in written.places.items()
        for first, last in runs(sequences)
    )
    detail: JsonObject = {"month": made.month, "file": made.file, "sha256": made.sha256, "receipts": made.receipts}
    record_admin_receipt(actor=actor.name, action="receipts.archive", detail=detail)
    with connection.cursor() as cursor:
        cursor.execute(f'DROP TABLE "{partition}"')


def runs(sequences: list[int]) -> Iterator[tuple[int, int]]:
    """First and last of what follows each other: `[1, 2, 5]` → `(1, 2), (5, 5)`. The sequences are in order."""
    for _, run in groupby(enumerate(sequences), lambda pair: pair[1] - pair[0]):
        members = [sequence for _, sequence in run]
        yield members[0], members[-1]


def _month(now: datetime, ahead: int) -> str:
    now = now.astimezone(UTC)
    months = now.year * 12 + now.month - 1 + ahead
    return f"{months // 12:04}-{months % 12 + 1:02}"


def _next(month: str) -> str:
    return _month(datetime.fromisoformat(f"{month}-01T00:00:00+00:00"), 1)
