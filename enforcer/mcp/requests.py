"""One HTTP request as the gate sees it: raw, with every header line it came with."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Twice:
    """A header that stands on more than one line: two readers would read two values."""


TWICE = Twice()


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """Header names are lower-case, as ASGI gives them. `body` may be one byte longer than the limit, never more."""

    method: str
    path: str
    query: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    peer: str = ""  # the address that it came from, where there is one

    def lines(self, name: str) -> list[str]:
        """Every value of a header, without the white space around it."""
        wanted = name.encode("ascii")
        return [value.decode("latin-1").strip(" \t") for key, value in self.headers if key == wanted]

    def one(self, name: str) -> str | Twice | None:
        """The value of a header that may stand once."""
        found = self.lines(name)
        return TWICE if len(found) > 1 else found[0] if found else None

    def first(self, name: str) -> str | None:
        """The value of a header whose doubling was refused before, or means nothing."""
        found = self.lines(name)
        return found[0] if found else None
