"""The history of one object of the policy: who changed it, when, why, and each field, old beside new.

One act may write several rows (a principal and its groups): rows of one author and reason, written at once, are one.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from django.db.models import ForeignKey, Model

from controlplane.common.unseen import shortened
from controlplane.policy.history.words import Piece, pieces

ROWS = 50
TOGETHER = timedelta(milliseconds=250)
LEAD_IN = 60  # characters that both have, before the first that differ
LONGEST = 400
Values = dict[str, str]


@dataclass(frozen=True, slots=True)
class Changed:
    """One field; for what was made, `pieces` is all new."""

    name: str
    pieces: Sequence[Piece]


@dataclass(frozen=True, slots=True)
class Entry:
    """One act."""

    at: datetime
    who: str
    why: str
    made: bool
    fields: Sequence[Changed]


@dataclass(frozen=True, slots=True)
class History:
    """Newest first. `older` is what `before` has to be for the next page; nothing where this is the last."""

    entries: Sequence[Entry]
    older: int | None


def history_of(obj: Model, before: int | None) -> History:
    """A page of it."""
    past = obj.history.order_by("-history_id")  # type: ignore[attr-defined]  # simple-history gives it to the class
    rows = list((past.filter(history_id__lt=before) if before else past)[: ROWS + 1])
    values = _values(rows)
    shown = rows[:ROWS]
    acts = [list(act) for _, act in groupby(shown, key=_Act().of)]
    first = rows[ROWS] if len(rows) > ROWS else None
    entries = [entry for entry in _entries(acts, first, values) if entry.fields or entry.made]
    return History(entries, shown[-1].history_id if first else None)


class _Act:
    """Numbers the acts of rows that come newest first."""

    def __init__(self) -> None:
        self._number = 0
        self._last: Any = None

    def of(self, row: Any) -> int:
        last, self._last = self._last, row
        if last is not None and not (
            last.history_user_id == row.history_user_id
            and last.history_change_reason == row.history_change_reason
            and last.history_date - row.history_date < TOGETHER
        ):
            self._number += 1
        return self._number


def _entries(acts: Sequence[Sequence[Any]], first: Any, values: Mapping[int, Values]) -> Iterable[Entry]:
    for number, act in enumerate(acts):
        newest, oldest = act[0], act[-1]
        former = acts[number + 1][0] if number + 1 < len(acts) else first
        made = oldest.history_type == "+"
        old: Values = {} if made or former is None else values[former.history_id]
        yield Entry(
            newest.history_date,
            newest.history_user_id,
            newest.history_change_reason,
            made,
            list(_changed(old, values[newest.history_id])),
        )


def _changed(old: Values, new: Values) -> Iterable[Changed]:
    for name, text in new.items():
        former = old.get(name, "")
        if former != text:
            yield Changed(name.replace("_", " "), _pieces(former, text))


def _pieces(old: str, new: str) -> Sequence[Piece]:
    """What both begin with is cut where it is long, so that what differs is always shown."""
    if not old or not new:
        return [Piece("new" if new else "gone", shortened(new or old, LONGEST))]
    same = next((at for at, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    start = max(same - LEAD_IN, 0)
    lead = [Piece("same", "…")] if start else []
    return [*lead, *(Piece(p.kind, shortened(p.text, LONGEST)) for p in pieces(old[start:], new[start:]))]


def _values(rows: Sequence[Any]) -> dict[int, Values]:
    """What each row held, as text, by its number in the history; a handful of queries for all."""
    if not rows:
        return {}
    fields = [field for field in type(rows[0]).tracked_fields if not (field.primary_key and _is_number(field))]
    named = {field.name: _names(field.remote_field.model, _held(field, rows)) for field in fields if _refers(field)}
    many = _many(rows)
    return {
        row.history_id: {
            **{field.name: _text(getattr(row, field.attname), named.get(field.name)) for field in fields},
            **many.get(row.history_id, {}),
        }
        for row in rows
    }


def _is_number(field: Any) -> bool:
    return str(field.get_internal_type()).endswith("AutoField")


def _refers(field: Any) -> bool:
    """Whether the column holds numbers of other rows; a text that refers says enough by itself."""
    return isinstance(field, ForeignKey) and _is_number(field.remote_field.model._meta.pk)


def _held(field: Any, rows: Sequence[Any]) -> set[Any]:
    return {getattr(row, field.attname) for row in rows} - {None}


def _names(model: Any, numbers: set[Any]) -> dict[Any, str]:
    found = model._default_manager.in_bulk(numbers)
    return {number: str(found.get(number, f"removed, number {number}")) for number in numbers}


def _many(rows: Sequence[Any]) -> dict[int, Values]:
    """Names of what a row referred to in many-to-many fields."""
    found: dict[int, Values] = {row.history_id: {} for row in rows}
    for field in type(rows[0])._history_m2m_fields:
        through = getattr(rows[0], field.name).model
        target = through._meta.get_field(field.m2m_reverse_field_name())
        links = list(through.objects.filter(history__in=list(found)))
        names = _names(target.remote_field.model, _held(target, links))
        held: dict[int, list[str]] = {number: [] for number in found}
        for link in links:
            held[link.history_id].append(names[getattr(link, target.attname)])
        for number, texts in held.items():
            found[number][field.name] = ", ".join(sorted(texts))
    return found


def _text(value: Any, names: Mapping[Any, str] | None) -> str:
    if value is None or value in ("", []):
        return ""
    if names is not None:
        return names[value]
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list | bool) else str(value)
