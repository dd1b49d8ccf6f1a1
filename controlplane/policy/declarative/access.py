"""What an edit comes to for people: who can newly call what, and who no longer can. Told after it and in a dry run."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from controlplane.common.errors import InvalidState
from controlplane.grants.models import Grant
from controlplane.grants.reach import grants_on
from controlplane.inventory.compile import tools_of
from controlplane.inventory.models import Server
from controlplane.policy.compile import callers_of, outline_of
from enforcer.contract.documents import SCHEMA
from enforcer.contract.incident import Incident
from enforcer.contract.times import to_text
from enforcer.policy.effective import Difference, Pair, difference
from enforcer.policy.index import Index

SERVERS = 20
TOOLS, GRANTS = 2_000, 5_000  # of a server; with more, nothing is told of it but that
NAMED = 5
WIDER, NARROWER = "newly allows", "no longer allows"


@dataclass(frozen=True, slots=True)
class Before:
    """How the policy of some servers was; made before the rows are written."""

    outlines: dict[str, Index | None]
    untold: int

    def report(self, now: datetime) -> tuple[str, ...]:
        """Lines about what the rows say now, what is newly allowed first."""
        wider: list[str] = []
        narrower: list[str] = []
        untold = self.untold
        for server_id, old in self.outlines.items():
            new = outline_now(server_id, now)
            if new == "too large":
                untold += 1
                continue
            assert not isinstance(new, str)
            found = difference(old, new, nothing_stopped(server_id, now), now.timestamp())
            untold += 0 if found.whole else 1
            wider += _lines(server_id, WIDER, found.wider)
            narrower += _lines(server_id, NARROWER, found.narrower)
        left = f"who can call what on {untold} more server{'s' * (untold != 1)} was not worked out: too large"
        return (*wider, *narrower, *((left,) if untold else ()))


def before(server_ids: Iterable[str], now: datetime) -> Before:
    """Of the servers that an edit touches."""
    ids = sorted(server_ids)
    outlines: dict[str, Index | None] = {}
    untold = max(len(ids) - SERVERS, 0)
    for server_id in ids[:SERVERS]:
        made = outline_now(server_id, now)
        if isinstance(made, str):
            untold += 1
        else:
            outlines[server_id] = made
    return Before(outlines, untold)


def outline_now(server_id: str, now: datetime) -> Index | str | None:
    """Of the rows. None for a server that isn't there or has a policy that no gate would load."""
    server = Server.objects.filter(id=server_id, retired=False).select_related("trust_level").first()
    if server is None:
        return None
    tools = list(tools_of(server)[: TOOLS + 1])
    keys = list(grants_on(server).values_list("pk", flat=True)[: GRANTS + 1])
    if len(tools) > TOOLS or len(keys) > GRANTS:
        return "too large"
    try:
        return outline_of(server, callers_of(Grant.objects.filter(pk__in=keys)), tools, now=now)
    except InvalidState:
        return None


def lines(server_id: str, found: Difference) -> tuple[str, ...]:
    """What is newly allowed first."""
    return (*_lines(server_id, WIDER, found.wider), *_lines(server_id, NARROWER, found.narrower))


def nothing_stopped(server_id: str, now: datetime) -> Incident:
    """No kill switch, nobody revoked."""
    return Incident(schema=SCHEMA, generation=1, issued_at=to_text(now.timestamp()), server_id=server_id, epoch=1)


def _lines(server_id: str, word: str, pairs: Sequence[Pair]) -> list[str]:
    if not pairs:
        return []
    people, tools = {(pair.subject, pair.issuer): pair.subject for pair in pairs}, {pair.tool for pair in pairs}
    what = f"{_count(len(people), 'principal')} × {_count(len(tools), 'tool')}"
    after = "" if word == NARROWER or all(p.after == "callable" for p in pairs) else ", some only with an approval"
    return [f"{word} {what} on {server_id}: {_some(people.values())} × {_some(tools)}{after}"]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _some(names: Iterable[str]) -> str:
    found = sorted(names)
    return ", ".join(found[:NAMED]) + (f" and {len(found) - NAMED} more" if len(found) > NAMED else "")
