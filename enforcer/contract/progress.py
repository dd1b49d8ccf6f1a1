"""How far a long piece of work is, for a person at a terminal and for nobody else."""

from collections.abc import Callable, Iterable, Iterator
from typing import TextIO


def told(
    lines: Iterable[bytes], whole: int, weigh: Callable[[bytes], int], tell: Callable[[int], None]
) -> Iterator[bytes]:
    """The same lines; `tell` hears each percent of `whole` once it is done, `weigh` being what a line counts."""
    done = percent = 0
    for line in lines:
        yield line
        done += weigh(line)
        if (now := min(100, 100 * done // max(1, whole))) > percent:
            percent = now
            tell(percent)


def on_terminal(out: TextIO, what: str) -> Callable[[int], None]:
    """Writes over its own line, and leaves none behind at a hundred; nothing where `out` is no terminal."""
    if not out.isatty():
        return lambda _percent: None

    def tell(percent: int) -> None:
        line = f"{what} {percent:3d} %"
        out.write(f"\r{line}" if percent < 100 else f"\r{' ' * len(line)}\r")
        out.flush()

    return tell
