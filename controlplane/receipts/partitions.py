"""Receipts by month on PostgreSQL: a partition for each month, made ahead of time, and one for all other times.

A receipt's own `event_time` says where it goes, never the clock of whoever stores it. Nothing is refused for its time:
what no month takes, such as 1970 or 2099, lies in the default partition, which should be empty. On SQLite there is one
table and nothing to do here.
"""

import logging

from django.db import DatabaseError, connection

from controlplane.receipts.patience import patience

log = logging.getLogger(__name__)
AHEAD = range(-1, 4)  # months from this one: receipts of the last may come late, three are there before they are needed
COUNTED = 1000
LOCK_S, STATEMENT_S = 1.0, 5.0  # the publisher waits, and leases with it


def maintain() -> None:
    """Have the months made that are missing. A month that can't be made now is logged and made an hour later."""
    if connection.vendor != "postgresql":
        return
    for ahead in AHEAD:
        try:
            with patience(LOCK_S, STATEMENT_S), connection.cursor() as cursor:
                cursor.execute("SELECT receipts_make_partition(%s)", [ahead])
                (made,) = cursor.fetchone() or (None,)
        except DatabaseError as problem:
            log.error("the partition %+d months from now can't be made: %s", ahead, str(problem).partition("\n")[0])
        else:
            if made:
                log.info("partition %s made", made)


def default_partition_rows() -> int:
    """How many receipts no month took, counted up to a thousand; anything but 0 wants a look."""
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM (SELECT FROM receipts_receipt_default LIMIT %s) AS counted", [COUNTED])
        (rows,) = cursor.fetchone() or (0,)
    return int(rows)
