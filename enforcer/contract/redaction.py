"""What no log line may hold, on both sides: secrets, and characters that a terminal or a log reader obeys (CWE-117).

A net under code that doesn't log secrets in the first place. It knows shapes, not values, so it takes too much rather
than too little: tokens, `Authorization` and cookie headers, passwords in URLs and connection strings, PEM keys, query
strings. Every pattern is bounded: a hostile text costs time in proportion to its length.
"""

import re

HIDDEN = "[redacted]"
MAX_TEXT = 16_384
_BORDER = 1_024

_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-----BEGIN [A-Z0-9 ]{1,40}-----.*?(?:-----END [A-Z0-9 ]{1,40}-----|\Z)", re.DOTALL), f"{HIDDEN} PEM"),
    (  # a header, in any spelling of a mapping or a list of pairs, to the end of its value
        re.compile(
            r"((?:proxy-)?authorization|(?:set-)?cookie|x-api-key|x-vault-token)"
            r"(b?['\"]?\s{0,4}[:=,]\s{0,4}(?:b?['\"])?)[^'\"\r\n]{1,8192}",
            re.IGNORECASE,
        ),
        rf"\1\2{HIDDEN}",
    ),
    (re.compile(r"\b(bearer)\s{1,4}[^\s'\",;]{4,8192}", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (re.compile(r"\b(dbk_)[A-Za-z0-9_\-.]{1,512}"), rf"\1{HIDDEN}"),
    (re.compile(r"\beyJ[A-Za-z0-9_\-]{4,8192}(?:\.[A-Za-z0-9_\-]{0,8192}){1,4}"), f"{HIDDEN} JWT"),
    (re.compile(r"\b(?:hv[sbr]\.|gh[pousr]_|github_pat_|xox[abprs]-|AKIA|sk-)[A-Za-z0-9_\-]{8,512}"), HIDDEN),
    (re.compile(r"([a-z][a-z0-9+.\-]{0,30}://[^\s:@/'\"]{0,128}):[^\s'\"]{1,256}@", re.IGNORECASE), rf"\1:{HIDDEN}@"),
    (  # password=… of a connection string or a form, "password": "…" of JSON or of a Python value
        re.compile(
            r"\b([a-z_\-]{0,32}(?:password|passwd|pwd|passphrase|secret|token|api_?key|private_?key))"
            r"(\s{0,4}=\s{0,4}|b?['\"]\s{0,4}:\s{0,4})"
            r"(?:b?'[^']{0,2048}'|b?\"[^\"]{0,2048}\"|[^\s'\",;&)}\]]{1,2048})",
            re.IGNORECASE,
        ),
        rf"\1\2{HIDDEN}",
    ),
    (re.compile(r"(?<=[\w/])\?[^\s'\"<>=]{1,256}=[^\s'\"<>]{0,2048}"), f"?{HIDDEN}"),
)


def redacted(text: str) -> str:
    """Without secrets; what is longer than `MAX_TEXT` is cut before half a secret could stand at the cut."""
    text = _cut(text)
    for pattern, instead in _RULES:
        text = pattern.sub(instead, text)
    return text


def visible(text: str) -> str:
    """With every character that doesn't print (control, ANSI, bidirectional, zero-width) as its escape."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text)


def _cut(text: str) -> str:
    if len(text) <= MAX_TEXT:
        return text
    kept = text[:MAX_TEXT]
    for at in range(MAX_TEXT - 1, MAX_TEXT - _BORDER, -1):
        if kept[at].isspace():
            kept = kept[:at]
            break
    else:
        kept = kept[:-_BORDER]
    return f"{kept} … ({len(text) - len(kept)} more characters)"
