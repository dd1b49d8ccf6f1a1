"""Characters that can't be seen, shown: pages hold text written by MCP servers, agents and whoever types a reason.

Every HTML page passes here on its way out, so no template has to think of it, and none can forget. The characters have
no use in the markup of our own pages.
"""

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

# C0 and C1 controls but tab and line ends; soft hyphen, joiners, zero width, bidirectional marks, overrides and
# isolates, line and paragraph separators, invisible operators, fillers, variation selectors (but emoji's), tags, BOM.
UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff\ud800-\udfff]"
)


def visible(text: str) -> str:
    """`a\u202eb` → `a⟨U+202E⟩b`."""
    return UNSEEN.sub(lambda found: f"⟨U+{ord(found.group()):04X}⟩", text)


def shortened(text: str, longest: int = 500) -> str:
    """Visible, and no longer than that but for a word on what was left out."""
    left = len(text) - longest
    return visible(text) if left <= 0 else f"{visible(text[:longest])}… ({left:,} more characters)"


def unseen_made_visible(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: for every page, and for nothing else."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if not response.streaming and response.headers.get("Content-Type", "").startswith("text/html"):
            page = response.content.decode(response.charset)
            if UNSEEN.search(page):
                response.content = visible(page).encode(response.charset)
                if "Content-Length" in response.headers:
                    response.headers["Content-Length"] = str(len(response.content))
        return response

    return middleware
