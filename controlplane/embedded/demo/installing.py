"""`python installing.py LOCK`: pip, and how far it is. Runs before anything is installed, so it needs nothing.

On a terminal one line that moves; elsewhere a line every so often. pip's own words are kept for when it fails.
"""

import re
import subprocess
import sys
import time
from pathlib import Path

PIP = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off"]
EVERY_S = 10.0
KEPT = 40


def main(lock: str) -> int:
    """pip's exit code."""
    total = len(re.findall(r"^[A-Za-z0-9][\w.-]*==", Path(lock).read_text(encoding="utf-8"), re.MULTILINE))
    process = subprocess.Popen(
        [*PIP, "--require-hashes", "--requirement", lock], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    progress, said = _Progress(total), []
    for line in process.stdout:
        said.append(line)
        found = re.match(r"(?:Collecting|Requirement already satisfied:) ([\w.-]+)", line)
        if found:
            progress.next(found.group(1))
        elif line.startswith("Installing collected packages"):
            progress.show("installing them")
    progress.end()
    if process.wait():
        sys.stderr.write("".join(said[-KEPT:]))
    return process.returncode


class _Progress:
    def __init__(self, total: int) -> None:
        self._total, self._done, self._shown_at = total, 0, time.monotonic()
        self._moves = sys.stderr.isatty()

    def next(self, name: str) -> None:
        self._done += 1
        self.show(f"package {self._done} of {self._total}: {name}")

    def show(self, words: str) -> None:
        now = time.monotonic()
        if self._moves:
            sys.stderr.write(f"\r\x1b[K  {words}")
            sys.stderr.flush()
        elif now - self._shown_at >= EVERY_S:
            self._shown_at = now
            sys.stderr.write(f"  {words}\n")

    def end(self) -> None:
        if self._moves:
            sys.stderr.write("\r\x1b[K")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
