"""Which tables are append-only: receipts, what keeps them in order, and every history of django-simple-history."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.apps import apps
from django.db.models import DateTimeField, Model
from django.utils.module_loading import import_string

from controlplane.receipts.models import Archive, Archived, Checkpoint, Conflict, Receipt, ReceiptIndex, Stretch

PLACE = ("chain_id", "sequence")
STRETCH = ("chain_id", "last")


@dataclass(frozen=True, slots=True)
class Protected:
    """A table, and what tells its rows apart."""

    name: str
    unique: tuple[tuple[str, ...], ...]  # no two rows agree in one of these
    content: tuple[str, ...]  # two rows that agree in all of these are the same row


def protected() -> list[Protected]:
    """Every append-only table of the installed apps, whether it exists yet or not."""
    histories = [_of(model) for model in _histories(apps.get_models())]
    return [
        _of(Receipt, PLACE),
        _of(ReceiptIndex, PLACE),
        _of(Conflict),
        _of(Checkpoint),
        _of(Stretch, STRETCH),
        _of(Archive),
        _of(Archived, STRETCH),
        *histories,
    ]


def _histories(models: Iterable[type[Model]]) -> list[type[Model]]:
    if not apps.is_installed("simple_history"):
        return []
    base = import_string("simple_history.models.HistoricalChanges")
    return [model for model in models if issubclass(model, base)]


def _of(model: type[Model], *unique: tuple[str, ...]) -> Protected:
    fields = model._meta.concrete_fields
    # when a row was written is not what it says
    told = [field for field in fields if not (isinstance(field, DateTimeField) and field.auto_now_add)]
    key = tuple(str(field.column) for field in fields if field.primary_key)
    return Protected(model._meta.db_table, (key, *unique), tuple(str(field.column) for field in told))
