"""What the demo says: a line each with the seconds since the start; coloured on a terminal, plain anywhere else."""

import os
import re
import sys
import time
from typing import TextIO

RED, GREEN, YELLOW, BLUE, BOLD, FAINT = "31", "32", "33", "36", "1", "2"
WORDS = (
    (re.compile(r"\b(DENY_\w+|FAILED)\b"), RED),
    (re.compile(r"\b(allowed again|allowed|chain verified)\b"), GREEN),
    (re.compile(r"\b(\d+\.\d ms)\b"), BOLD),
    (re.compile(r"(https?://\S+)"), BLUE),
)


class Console:
    """`say` is given to everything that tells something."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out, self._start = out, time.monotonic()
        self._colours = out.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"

    def say(self, line: str) -> None:
        """One line of the story; an empty one is a gap."""
        if line:
            clock = self._painted(f"{time.monotonic() - self._start:6.1f} s", FAINT)
            line = f"{clock}  {self._highlighted(line)}"
        self._out.write(f"{line}\n")
        self._out.flush()

    def head(self, line: str) -> None:
        """A line that begins a part."""
        self._out.write(f"\n{self._painted(line, BOLD)}\n")
        self._out.flush()

    def _highlighted(self, line: str) -> str:
        if self._colours:
            for pattern, colour in WORDS:
                line = pattern.sub(lambda found, c=colour: self._painted(found.group(), c), line)  # type: ignore[misc]
        return line

    def _painted(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._colours else text
