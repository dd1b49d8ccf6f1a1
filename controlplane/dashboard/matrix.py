"""The matrix of a server: who may call what, why, and what a gate would say to one call.

Filters, page and cell stand in the address; arguments never do.
"""

import json
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render

from controlplane.accounts.identity import actor_of_request
from controlplane.common.actor import Right
from controlplane.common.errors import InvalidState
from controlplane.common.numbers import as_read
from controlplane.dashboard.pages import page
from controlplane.grants.effective import Through
from controlplane.grants.matrix import Cell, cell_of, matrix_of
from controlplane.grants.sentence import sentence
from controlplane.inventory.compile import tools_of
from controlplane.inventory.models import Server, Tool
from controlplane.policy.declarative.read_servers import LONGEST_TOOL_NAME
from controlplane.policy.simulate import Trial, Unread, read_arguments, simulate
from controlplane.principals.models import Principal
from enforcer.contract.strict_json import JsonObject, JsonValue

LONGEST = 200
GRANTS_SHOWN = 6
FIELDS_SHOWN = 8
SERVERS = 50
KEPT = ("who", "what", "after", "from")  # of the address: which part of the matrix is shown
EMPTY: dict[str, JsonValue] = {"string": "", "integer": 0, "number": 0, "boolean": False, "array": [], "object": {}}


@dataclass(frozen=True, slots=True)
class Because:
    """A grant of a cell, with who gave it last, when and why."""

    through: Through
    says: str
    last: Any


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of the arguments: `trial`, or `unread`, or `problem` where no gate would load the rows."""

    text: str
    trial: Trial | None = None
    unread: Unread | None = None
    problem: str = ""


@page(Right.VIEW)
def servers(request: HttpRequest) -> HttpResponse:
    """Of which server."""
    after, what = _text(request.GET, "after"), _text(request.GET, "what")
    rows = list(Server.objects.filter(retired=False, id__contains=what, id__gt=after).order_by("id")[: SERVERS + 1])
    more = rows[SERVERS - 1].id if len(rows) > SERVERS else ""
    return render(request, "dashboard/matrices.html", {"servers": rows[:SERVERS], "what": what, "more": more})


@page(Right.VIEW, posts=True)
def matrix(request: HttpRequest, server_id: str) -> HttpResponse:
    """One page of it, and one cell with its reasons where the address names one."""
    server = get_object_or_404(Server.objects.select_related("trust_level"), id=server_id, retired=False)
    found = matrix_of(
        server,
        who=_text(request.GET, "who"),
        what=_text(request.GET, "what"),
        after_principal=_number(request.GET, "after"),
        after_tool=_text(request.GET, "from"),
    )
    cell = _cell(request, server)
    kept = {name: request.GET[name] for name in KEPT if name in request.GET}
    shown = {
        "matrix": found,
        "server": server,
        "kept": kept,
        "more_people": _address({**kept, "after": found.next_principal}) if found.next_principal else "",
        "more_tools": _address({**kept, "from": found.next_tool}) if found.next_tool else "",
        "cells": _address(kept),
        "cell": cell,
    }
    if cell is not None:
        person, one = cell
        shown |= {
            "person": person,
            "one": one,
            "because": [_because(each) for each in one.grants[:GRANTS_SHOWN]],
            "more_grants": max(len(one.grants) - GRANTS_SHOWN, 0),
            "may_edit": actor_of_request(request).may(Right.EDIT_POLICY),
            "tried": _tried(request, server, person, one.tool),
        }
    return render(request, "dashboard/matrix.html", shown)


def _cell(request: HttpRequest, server: Server) -> tuple[Principal, Cell] | None:
    """That of `?principal=` and `?call=`; one of them alone, or one that isn't there, is a 404."""
    if "principal" not in request.GET and "call" not in request.GET:
        return None
    key, name = _number(request.GET, "principal"), _text(request.GET, "call", longest=LONGEST_TOOL_NAME)
    person = None if key is None else Principal.objects.filter(pk=key).prefetch_related("groups").first()
    tool = tools_of(server).filter(name=name).first()
    if person is None or tool is None:
        raise Http404
    found = cell_of(server, person, tool)
    return None if found is None else (person, found)


def _tried(request: HttpRequest, server: Server, person: Principal, tool: Tool) -> Tried:
    if request.method != "POST":
        return Tried(json.dumps(example_of(as_read(tool.input_schema)), indent=2, ensure_ascii=False))
    text = request.POST.get("arguments", "")
    read = read_arguments(server, text)
    if isinstance(read, Unread):
        return Tried(text, unread=read)
    try:
        trial = simulate(server=server, subject=person.subject, issuer=person.issuer, tool=tool.name, arguments=read)
    except InvalidState as refused:
        return Tried(text, problem=refused.message)
    return Tried(text, trial=trial)


def example_of(schema: JsonObject) -> JsonObject:
    """The first fields that a schema names, each empty: something to fill in."""
    named = schema.get("properties")
    if not isinstance(named, dict):
        return {}
    rules = [(name, rule) for name, rule in named.items() if isinstance(rule, dict)][:FIELDS_SHOWN]
    return {name: EMPTY.get(str(rule.get("type")), "") for name, rule in rules}


def _because(through: Through) -> Because:
    return Because(through, sentence(through.grant), through.grant.history.order_by("-history_id").first())


def _text(given: QueryDict, name: str, *, longest: int = LONGEST) -> str:
    return given.get(name, "")[:longest].replace("\0", "")


def _number(given: QueryDict, name: str) -> int | None:
    text = given.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else None


def _address(parameters: dict[str, Any]) -> str:
    query = QueryDict(mutable=True)
    query.update({name: str(value) for name, value in parameters.items()})
    return query.urlencode()
