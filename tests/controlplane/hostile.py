"""Text that somebody wrote to break a page, and whether a page stands it."""

from typing import Any

from django.http import HttpResponse

MARKUP = "<script>alert(1)</script><img src=x onerror=alert(2)>"
UNSEEN = "\u202egnp.exe\u2066\u200b\ufeff\u00ad"
ANSI = "\x1b[31mred\x1b[0m"
EVIL = f"{MARKUP}{UNSEEN}{ANSI}"
LONG = "A" * 100_000


def stands(page: HttpResponse, *, longest: int = 400_000) -> str:
    """The page: nothing of it is markup, nothing is unseen, and it is no longer than a page may be."""
    html = page.content.decode()
    assert page.status_code == 200, page.status_code
    assert "<script>alert" not in html
    assert "<img" not in html.replace('<img src="/static/', "")
    found = [hex(ord(c)) for c in html if ord(c) in BAD]
    assert not found, found[:10]
    assert len(html) < longest, len(html)
    return html


BAD = {*map(ord, UNSEEN + "\x1b"), 0x85, 0x2028} - {*map(ord, "gnp.exe")}


def schema(**more: Any) -> dict[str, Any]:
    """An input schema that says everything evil that a schema can say."""
    return {
        "type": "object",
        "title": EVIL,
        "description": EVIL,
        "properties": {EVIL: {"type": "string", "description": EVIL}, "path": {"type": "string", "default": EVIL}},
        **more,
    }
