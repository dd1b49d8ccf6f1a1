"""Receipts as CSV, for people with a spreadsheet. The evidence is the export of lines: nothing verifies a table."""

import csv
import io
from collections.abc import Iterator

from django.db.models import Q

from controlplane.common.unseen import visible
from controlplane.receipts.models import Receipt
from controlplane.receipts.reading import content
from enforcer.contract.strict_json import JsonObject, JsonValue

PAGE = 1000
# What a spreadsheet would compute (OWASP, CSV injection), the full-width forms of some locales included
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
COLUMNS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("time", ("event_time",)),
    ("decision", ("decision", "result")),
    ("reason_codes", ("decision", "reason_codes")),
    ("principal", ("principal", "sub")),
    ("issuer", ("principal", "issuer")),
    ("server", ("mcp", "server_id")),
    ("tool", ("mcp", "tool_name")),
    ("method", ("mcp", "method")),
    ("risk", ("risk_level",)),
    ("grant", ("decision", "policy_id")),
    ("snapshot_version", ("decision", "snapshot_version")),
    ("outcome", ("outcome", "status")),
    ("enforcer", ("enforcer_id",)),
    ("trace_id", ("trace_id",)),
    ("receipt_id", ("receipt_id",)),
    ("receipt_type", ("receipt_type",)),
    ("action", ("action",)),
    ("chain_id", ("chain_id",)),
    ("sequence", ("sequence",)),
    ("receipt_hash", ("receipt_hash",)),
)


def csv_rows(which: Q) -> Iterator[str]:
    """RFC 4180 rows with their line ends, the names first, the oldest receipt first; a page of them at a time."""
    yield _row([name for name, _ in COLUMNS])
    found, after = Receipt.objects.filter(which).order_by("event_time", "receipt_id"), Q()
    while page := list(found.filter(after)[:PAGE]):
        yield from (_row([_cell(content(receipt), path) for _, path in COLUMNS]) for receipt in page)
        last = page[-1]
        after = Q(event_time__gt=last.event_time) | Q(event_time=last.event_time, receipt_id__gt=last.receipt_id)


def harmless(text: str) -> str:
    """What can't be seen made visible, and nothing that a spreadsheet would take for a formula."""
    shown = visible(text)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown


def _cell(receipt: JsonObject, path: tuple[str, ...]) -> str:
    found: JsonValue = receipt
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    if isinstance(found, list):
        found = " ".join(map(str, found))
    return "" if found is None else str(found) if isinstance(found, int) else harmless(str(found))


def _row(cells: list[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()
