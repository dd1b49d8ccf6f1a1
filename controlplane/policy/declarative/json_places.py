"""The line of every value of a JSON text that was read already, so nothing here is checked again."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cached_property

from controlplane.policy.declarative.problems import Path

_PIECE = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{},:\n]|[^\s"\[\]{},:]+')


class JsonPlaces(Mapping[Path, int]):
    """As the lines of `Written`, found once one of them is asked for."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def _found(self) -> dict[Path, int]:
        return _Scanner(self._text).places()

    def __getitem__(self, path: Path) -> int:
        return self._found[path]

    def __iter__(self) -> Iterator[Path]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


class _Scanner:
    def __init__(self, text: str) -> None:
        self._pieces = (piece.group() for piece in _PIECE.finditer(text))
        self._line = 1
        self._lines: dict[Path, int] = {}

    def places(self) -> dict[Path, int]:
        self._value(self._next(), ())
        return self._lines

    def _next(self) -> str:
        for piece in self._pieces:
            if piece != "\n":
                return piece
            self._line += 1
        raise ValueError("the text ends too early")

    def _value(self, piece: str, path: Path) -> None:
        self._lines.setdefault(path, self._line)
        if piece == "{":
            self._object(path)
        elif piece == "[":
            self._array(path)

    def _object(self, path: Path) -> None:
        piece = self._next()
        while piece != "}":
            if piece == ",":
                piece = self._next()
            inner = (*path, str(json.loads(piece)))
            self._lines[inner] = self._line
            self._next()  # the colon
            self._value(self._next(), inner)
            piece = self._next()

    def _array(self, path: Path) -> None:
        number = 0
        piece = self._next()
        while piece != "]":
            if piece == ",":
                piece = self._next()
            self._value(piece, (*path, number))
            number += 1
            piece = self._next()
