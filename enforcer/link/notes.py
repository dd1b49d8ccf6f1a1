"""What an operator should know about the policy link: problems for log and heartbeat.

A problem is logged when it comes and shown for a minute after it was last there.
"""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable

from enforcer.link.verify import Rejection

SHOWN_S = 60.0
MAX_SHOWN = 8
MAX_LOGGED = 512
MAX_TEXT = 300

log = logging.getLogger(__name__)


class Notes:
    """Problems by server; those of no server concern every one."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        on_rejected: Callable[[str], None] = lambda _server_id: None,
    ) -> None:
        self._clock, self._on_rejected = clock, on_rejected
        self._last: OrderedDict[tuple[str | None, str], float] = OrderedDict()
        self._logged: OrderedDict[tuple[str | None, str, str], None] = OrderedDict()

    def rejected(self, server_id: str, rejection: Rejection) -> None:
        """An envelope was refused; logged once for each that differs."""
        self._on_rejected(server_id)
        self.problem(server_id, str(rejection), about=rejection.digest)

    def problem(self, server_id: str | None, text: str, *, about: str = "") -> None:
        """Something is wrong now; call again as long as it is. `about` tells occasions apart that have one text."""
        text, now = text[:MAX_TEXT], self._clock()
        new = now - self._last.get((server_id, text), -SHOWN_S) >= SHOWN_S
        self._last[server_id, text] = now
        self._last.move_to_end((server_id, text))
        while len(self._last) > MAX_LOGGED:
            self._last.popitem(last=False)
        key = (server_id, text, about)
        if new or key not in self._logged:
            log.warning("policy of %s: %r", server_id or "all servers", text)
            self._logged[key] = None
            while len(self._logged) > MAX_LOGGED:
                self._logged.popitem(last=False)

    def shown(self, server_id: str) -> tuple[str, ...]:
        """The newest problems of a server, oldest first."""
        now = self._clock()
        live = [text for (who, text), at in self._last.items() if who in (server_id, None) and now - at < SHOWN_S]
        return tuple(live[-MAX_SHOWN:])
