"""Targets to choose from while one is being written: of the kind that was begun, or of any that the word is in."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from django.db.models import QuerySet

from controlplane.fleet.models import ACTIVE, Enforcer
from controlplane.inventory.models import Server, Tool
from controlplane.principals.models import Group, Principal
from enforcer.contract.levels import Risk, TrustLevel
from enforcer.contract.targets import KINDS

MOST = 12


def suggestions(text: str) -> list[str]:
    """At most `MOST` whole targets."""
    kind, colon, rest = text.partition(":")
    found = _of_kind(kind, rest) if colon else _of_any(text)
    return list(islice(dict.fromkeys(found), MOST))


def _of_any(word: str) -> Iterator[str]:
    if not word:
        yield "all"
        return
    yield from (kind if kind == "all" else f"{kind}:" for kind in KINDS if kind.startswith(word))
    for kind in ("server", "tool", "principal", "group", "enforcer"):
        yield from islice(_of_kind(kind, word), 3)


def _of_kind(kind: str, word: str) -> Iterator[str]:
    """Those whose name the word is in; `SERVER/` narrows tools to one server."""
    if kind in LEVELS:
        yield from (f"{kind}:{level}" for level in LEVELS[kind] if level.lower().startswith(word.lower()))
    elif kind == "tool":
        yield from _tools(word)
    elif kind in _NAMED:
        rows, field = _NAMED[kind]()
        names = rows.filter(**{f"{field}__icontains": word}).order_by(field).values_list(field, flat=True)
        yield from (f"{kind}:{name}" for name in names[:MOST])


LEVELS: dict[str, list[str]] = {"risk": list(Risk), "trust": list(TrustLevel)}
_NAMED: dict[str, Callable[[], tuple[QuerySet[Any], str]]] = {
    "server": lambda: (Server.objects.filter(retired=False), "id"),
    "credential": lambda: (Server.objects.filter(retired=False), "id"),
    "principal": lambda: (Principal.objects.all(), "subject"),
    "group": lambda: (Group.objects.all(), "name"),
    "enforcer": lambda: (Enforcer.objects.filter(ACTIVE), "id"),
}


def _tools(word: str) -> Iterator[str]:
    server, slash, name = word.partition("/")
    tools = Tool.objects.filter(server__retired=False)
    tools = tools.filter(server_id=server, name__icontains=name) if slash else tools.filter(name__icontains=word)
    if slash and not name and tools.exists():
        yield f"tool:{server}/*"
    for server_id, tool in tools.order_by("server_id", "name").values_list("server_id", "name")[:MOST]:
        yield f"tool:{server_id}/{tool}"
