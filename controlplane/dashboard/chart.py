"""Columns of a chart, a minute each, as rectangles of an SVG; a table beside it holds the numbers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from controlplane.receipts.activity import Minute

HEIGHT, STEP = 96, 12  # in units of the drawing
LEAST = 2  # one refusal among thousands is still seen


@dataclass(frozen=True, slots=True)
class Box:
    """A part of a column."""

    tone: str
    y: int
    height: int


@dataclass(frozen=True, slots=True)
class Column:
    """One minute: its boxes from the bottom up, and the words for whoever points at it."""

    x: int
    boxes: tuple[Box, ...]
    says: str


def columns(minutes: Sequence[Minute], most: int) -> list[Column]:
    """As tall as the busiest minute, `most`, is the whole height."""
    return [_column(number * STEP, minute, most) for number, minute in enumerate(minutes)]


def _column(x: int, minute: Minute, most: int) -> Column:
    said = (
        f"{minute.starts[11:]} UTC: {minute.allow} allowed, {minute.require_approval} to approve, {minute.deny} denied"
    )
    return Column(x, tuple(_boxes(minute, most)), said)


def _boxes(minute: Minute, most: int) -> Iterator[Box]:
    bottom = HEIGHT
    for tone, count in (("good", minute.allow), ("person", minute.require_approval), ("bad", minute.deny)):
        if count:
            height = max(LEAST, round((HEIGHT - 2 * LEAST) * count / most))
            bottom -= height
            yield Box(tone, max(bottom, 0), height)
