"""Whether a text reads like a secret. A guess, against the mistake of a person who pastes one."""

import re
from itertools import pairwise

KNOWN = {
    "hvs.": "a Vault token",
    "hvb.": "a Vault token",
    "hvr.": "a Vault token",
    "ghp_": "a GitHub token",
    "gho_": "a GitHub token",
    "ghs_": "a GitHub token",
    "github_pat_": "a GitHub token",
    "glpat-": "a GitLab token",
    "xoxb-": "a Slack token",
    "xoxp-": "a Slack token",
    "AKIA": "an AWS key",
    "AIza": "a Google API key",
    "eyJ": "a signed token",
    "dbk_": "an API token of Drawbridge",
    "-----BEGIN": "a private key",
}
NUMBERS = 2  # a name made of words has a year or a version in it; random letters and digits have more numbers
TURNS = 0.25  # of neighbours that differ in kind, in random letters and digits
_STARTS = re.compile(rf"(?<![A-Za-z0-9])({'|'.join(map(re.escape, KNOWN))})[A-Za-z0-9_. -]{{8,}}")
_RUN = re.compile(r"[A-Za-z0-9]{20,}")
_KINDS = (str.islower, str.isupper, str.isdigit)


def reads_like_secret(text: str) -> str:
    """What it looks like; empty where it looks like a name. The answer never holds the text."""
    if known := _STARTS.search(text):
        return KNOWN[known[1]]
    for run in _RUN.findall(text):
        if len(re.findall(r"[0-9]+", run)) >= NUMBERS and _turns(run) >= TURNS:
            return f"a random token of {len(run)} characters"
    return ""


def _turns(run: str) -> float:
    """How often small letters, capitals and digits take turns."""
    kinds = [next(number for number, is_kind in enumerate(_KINDS) if is_kind(character)) for character in run]
    return sum(one != other for one, other in pairwise(kinds)) / (len(run) - 1)
