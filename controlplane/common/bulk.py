"""Many new rows of one model at once, each with its line of history: a policy file may bring a hundred thousand."""

from collections.abc import Iterable
from typing import Any

from controlplane.common.services import author

AT_ONCE = 500


def create_all(model: Any, rows: Iterable[Any]) -> None:
    """As `save` of each: the author and reason of the service that writes stand in the history."""
    writing = author()
    made = model.objects.bulk_create(rows, batch_size=AT_ONCE)
    model.history.bulk_history_create(
        made,
        batch_size=AT_ONCE,
        default_user=writing.name if writing else "",
        default_change_reason=writing.reason if writing else "",
    )
