"""History of every row that the policy is made of: who, when, why. Written by the services, whoever calls them."""

from typing import Any

from django.db import models
from simple_history.models import HistoricalRecords

from controlplane.common.services import author


class History(HistoricalRecords):  # type: ignore[misc]  # simple-history has no types
    """`history_user` is the actor's name: commands and tokens act too, and a name outlives a user."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            get_user=_author_name,
            history_user_id_field=models.CharField(max_length=255, blank=True, default=""),
            history_user_getter=_read_user,
            history_user_setter=_write_user,
            history_change_reason_field=models.TextField(blank=True, default=""),
            **options,
        )

    def get_change_reason_for_object(self, instance: models.Model, history_type: str, using: str) -> str:  # noqa: ARG002
        """The reason of the service that writes."""
        writing = author()
        return writing.reason if writing else ""


def _author_name(**_: Any) -> str:
    writing = author()
    return writing.name if writing else ""


def _read_user(historical: Any) -> str:
    return str(historical.history_user_id)


def _write_user(historical: Any, user: str) -> None:
    historical.history_user_id = user
