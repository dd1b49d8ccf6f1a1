"""Months, partitions and where a receipt lies."""

from datetime import UTC, datetime

import pytest
from django.db import connection, transaction

from controlplane.receipts.models import Receipt

TABLE = "receipts_receipt"
DEFAULT = "receipts_receipt_default"
on_postgresql = pytest.mark.skipif("connection.vendor != 'postgresql'", reason="on SQLite receipts are one table")


def month(ahead: int) -> str:
    """`2026-01`, so many months from now."""
    now = datetime.now(UTC)
    months = now.year * 12 + now.month - 1 + ahead
    return f"{months // 12:04}-{months % 12 + 1:02}"


def partition(ahead: int) -> str:
    """The name of that month's partition."""
    return f"{TABLE}_{month(ahead).replace('-', '_')}"


def partitions() -> list[str]:
    """All that are attached."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT relid::text FROM pg_partition_tree('{TABLE}') WHERE isleaf ORDER BY 1")
        return [name for (name,) in cursor.fetchall()]


def homes() -> dict[str, str]:
    """By receipt id, the partition that it lies in."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT receipt_id, tableoid::regclass::text FROM {TABLE}")
        return dict(cursor.fetchall())


def lines() -> dict[str, bytes]:
    """By receipt id, its exact bytes."""
    return {receipt.receipt_id: bytes(receipt.line) for receipt in Receipt.objects.all()}


def execute(statement: str) -> int:
    """As the owner; the number of rows."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
        return int(cursor.rowcount)
