"""A child's stderr in our log: free text of a stranger, so escaped, labelled, at debug level and not without end."""

import logging

from enforcer.mcp.upstream.lines import LineSplitter

log = logging.getLogger(__name__)

_LINE_BYTES = 2_000
_TOTAL_BYTES = 100_000


class StderrLog:
    """Feed it what comes; past the total it is silent."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._lines = LineSplitter()
        self._left = _TOTAL_BYTES

    def feed(self, data: bytes) -> None:
        """Log the lines that `data` ends."""
        if self._left <= 0:
            return
        self._left -= len(data)
        for line in self._lines.feed(data, _LINE_BYTES):
            log.debug("%s: stderr: %r", self._label, line if line is not None else "(a long line)")
        if self._left <= 0:
            log.debug("%s: stderr: no more than %d bytes are logged", self._label, _TOTAL_BYTES)
