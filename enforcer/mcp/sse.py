"""Server-sent events, read and written (WHATWG HTML section 9.2, MCP_WIRE section 2.2).

Bytes in, events out, no I/O. `data` stays bytes so that a strict parser sees what was really sent.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_LINE_END = re.compile(rb"\r\n|\r|\n")
_BOM = b"\xef\xbb\xbf"
KEEP_ALIVE = b": \n\n"  # a comment
_FIELDS = frozenset((b"data", b"event", b"id", b"retry"))


@dataclass(frozen=True, slots=True)
class SseEvent:
    """One event. Without `data` it only primes a stream (`id`, `retry`) and is no message."""

    data: bytes
    kind: str = "message"
    id: str | None = None
    retry_ms: int | None = None


class SseParser:
    """Feed it chunks as they come. It keeps what is unfinished: whoever feeds it bounds the bytes."""

    def __init__(self) -> None:
        self._line: list[bytes] = []
        self._after_cr = False
        self._first_line = True
        self._fields: list[tuple[bytes, bytes]] = []

    def feed(self, chunk: bytes) -> Iterator[SseEvent]:
        """The events that `chunk` completes; consume it before the next call."""
        for line in self._lines(chunk):
            if line:
                self._add_field(line)
            elif self._fields:
                fields, self._fields = self._fields, []
                yield _event(fields)

    def _lines(self, chunk: bytes) -> Iterator[bytes]:
        if not chunk:
            return
        # A CR ends the line at once; the LF that may follow in the next chunk belongs to it.
        rest = chunk[1:] if self._after_cr and chunk.startswith(b"\n") else chunk
        self._after_cr = chunk.endswith(b"\r")
        head, *tail = _LINE_END.split(rest)
        self._line.append(head)
        for piece in tail:
            yield self._finished_line()
            self._line.append(piece)

    def _finished_line(self) -> bytes:
        line = b"".join(self._line)
        self._line.clear()
        if self._first_line:
            self._first_line = False
            return line.removeprefix(_BOM)
        return line

    def _add_field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name in _FIELDS:  # all else is ignored, an empty name is a comment: a keep-alive
            self._fields.append((name, value.removeprefix(b" ")))


def _event(fields: list[tuple[bytes, bytes]]) -> SseEvent:
    last = dict(fields)
    event_id, retry = last.get(b"id"), last.get(b"retry", b"")
    return SseEvent(
        data=b"\n".join(value for name, value in fields if name == b"data"),
        kind=last.get(b"event", b"").decode("utf-8", "replace") or "message",
        id=event_id.decode("utf-8", "replace") if event_id is not None and b"\0" not in event_id else None,
        retry_ms=int(retry) if retry.isdigit() and len(retry) < 10 else None,
    )


def encode_event(data: bytes, *, event_id: str | None = None) -> bytes:
    """One `message` event. `data` is JSON on one line and `event_id` our own, so neither can hold a line end."""
    assert b"\n" not in data
    assert b"\r" not in data
    head = f"id: {event_id}\n".encode("ascii") if event_id is not None else b""
    return head + b"event: message\ndata: " + data + b"\n\n"
