from django.db import migrations

# "C": times are compared byte by byte, whatever language the database sorts by
REPLACE = [
    "ALTER TABLE receipts_receipt RENAME TO receipts_receipt_whole",
    'ALTER TABLE receipts_receipt_whole ALTER COLUMN event_time TYPE varchar(32) COLLATE "C"',
    "CREATE TABLE receipts_receipt (LIKE receipts_receipt_whole INCLUDING DEFAULTS) PARTITION BY RANGE (event_time)",
    "CREATE TABLE receipts_receipt_default PARTITION OF receipts_receipt DEFAULT",
]
STORED_MONTHS = """
    SELECT DISTINCT left(event_time, 7) FROM receipts_receipt_whole
    WHERE event_time ~ '^20[0-9]{2}-(0[1-9]|1[0-2])-'
        AND left(event_time, 7) <= to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM')
    ORDER BY 1 DESC LIMIT 120
"""
MOVE = [
    "INSERT INTO receipts_receipt SELECT * FROM receipts_receipt_whole",
    "DROP TABLE receipts_receipt_whole",
    "ALTER TABLE receipts_receipt ADD PRIMARY KEY (receipt_id, event_time)",
]


def partition(apps, schema_editor):
    """On PostgreSQL: the same rows in a table that is partitioned by month. ReceiptIndex holds what must be unique."""
    if schema_editor.connection.vendor != "postgresql" or _partitioned(schema_editor):
        return
    model = apps.get_model("receipts", "Receipt")
    for index in model._meta.indexes:
        schema_editor.remove_index(model, index)
    with schema_editor.connection.cursor() as cursor:
        for statement in REPLACE:
            cursor.execute(statement)
        cursor.execute(STORED_MONTHS)
        for (month,) in cursor.fetchall():
            cursor.execute(_month(month))
        for statement in MOVE:
            cursor.execute(statement)
    for index in model._meta.indexes:
        schema_editor.add_index(model, index)


def _partitioned(schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT relkind = 'p' FROM pg_class WHERE oid = 'receipts_receipt'::regclass")
        return cursor.fetchone()[0]


def _month(month):
    year, number = int(month[:4]), int(month[5:])
    low, high = (f"{y}-{n:02}-01T00:00:00.000Z" for y, n in ((year, number), (year + number // 12, number % 12 + 1)))
    name = f"receipts_receipt_{year}_{number:02}"
    return f"CREATE TABLE {name} PARTITION OF receipts_receipt FOR VALUES FROM ('{low}') TO ('{high}')"


class Migration(migrations.Migration):
    """The coming months are made after each migration and by the publisher. Backwards it stays partitioned."""

    dependencies = [("receipts", "0002_receipts_in_order_of_time")]

    operations = [migrations.RunPython(partition, migrations.RunPython.noop)]
