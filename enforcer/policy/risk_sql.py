"""SQL that destroys. CRITICAL: drop of a database, schema or table. HIGH: delete without where, truncate."""

import re

from enforcer.contract.levels import Risk

_DROP = re.compile(r"\bdrop (?:database|schema|table)\b")
_TRUNCATE = re.compile(r"\btruncate table\b|^ ?truncate [a-z_.\"`\[\]]+ ?$")
_DELETE = re.compile(r"\bdelete from [\w.\"`\[]")


def statement_risk(text: str) -> Risk | None:
    """The worst that any statement in the text does; none where none is known."""
    worst: Risk | None = None
    for statement in without_comments(text.lower()).split(";"):
        words = " ".join(statement.split())
        if _DROP.search(words):
            return Risk.CRITICAL
        deleting = _DELETE.search(words)
        if _TRUNCATE.search(words) or (deleting and " where " not in words[deleting.end() :]):
            worst = Risk.HIGH
    return worst


def without_comments(text: str) -> str:
    """Comments as blanks: `drop/**/table` is a drop."""
    kept, at = [], 0
    while (start := text.find("/*", at)) >= 0 and (end := text.find("*/", start + 2)) >= 0:
        kept.append(text[at:start])
        at = end + 2
    return " ".join([*kept, text[at:]])
