"""Splits a child's output at LF, and at nothing else (MCP_WIRE section 5). Pure."""

from collections.abc import Iterator


class LineSplitter:
    """Keeps the unfinished line; one longer than the limit is dropped up to its end and reported once, as None."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._dropping = False

    def feed(self, chunk: bytes, limit: int) -> Iterator[bytes | None]:
        """The lines that `chunk` ends, without LF; consume it before the next call."""
        *ended, rest = chunk.split(b"\n")
        for piece in ended:
            if self._add(piece, limit):
                yield None
            elif not self._dropping:
                yield b"".join(self._parts)
            self._parts, self._size, self._dropping = [], 0, False
        if self._add(rest, limit):
            yield None

    def _add(self, piece: bytes, limit: int) -> bool:
        """True if the line has just become too long."""
        if self._dropping:
            return False
        self._parts.append(piece)
        self._size += len(piece)
        self._dropping = self._size > limit
        if self._dropping:
            self._parts.clear()
        return self._dropping
