"""Decisions as they come in: a page that asks for its newest rows again and again until somebody pauses it.

The filters and the pause are in the address: a paused page shows what it showed, also to whoever gets its link.
"""

import time
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.http import urlencode

from controlplane.common.actor import Right
from controlplane.dashboard.pages import page
from controlplane.receipts.admin_filters import type_name, with_reason
from controlplane.receipts.models import Receipt
from controlplane.receipts.reading import actions_of
from enforcer.contract.reasons import ReasonCode
from enforcer.contract.times import from_text, to_text

ROWS = 100
WINDOW_S = 600
LONGEST = 255
LASTS_S = 1.0
MOST_ANSWERS = 64
_answers: dict[str, tuple[float, str]] = {}  # what was asked for → when it was answered, and how
FIELDS = {"server": "server_id", "tool": "tool_name", "who": "subject", "enforcer": "enforcer_id", "decision": "result"}
DECISIONS = ("allow", "deny", "require_approval")


@page(Right.READ_RECEIPTS)
def live(request: HttpRequest) -> HttpResponse:
    """The page."""
    kept = _kept(request)
    running = {name: value for name, value in kept.items() if name != "until"}
    paused = {**running, "until": to_text(timezone.now().timestamp())}
    return render(
        request,
        "dashboard/live.html",
        {
            **_shown(kept),
            "kept": kept,
            "pause": urlencode(paused),
            "resume": urlencode(running),
            "asked": urlencode(running),
            "decisions": DECISIONS,
            "reasons": [code.value for code in ReasonCode],
        },
    )


@page(Right.READ_RECEIPTS)
def live_rows(request: HttpRequest) -> HttpResponse:
    """The part of it that is asked for every other second: one answer for all who ask the same within a second.

    However many of these pages are open, they cost the others, a switch among them, hardly more than one.
    """
    kept = _kept(request)
    asked, now = urlencode(kept), time.monotonic()
    at, text = _answers.get(asked, (-LASTS_S, ""))
    if now - at >= LASTS_S:
        text = render_to_string("dashboard/live_rows.html", _shown(kept))
        if len(_answers) >= MOST_ANSWERS:
            _answers.clear()
        _answers[asked] = (now, text)
    return HttpResponse(text)


def _kept(request: HttpRequest) -> dict[str, str]:
    """What was asked for, without what is no filter; a pause at no time is none."""
    names = (*FIELDS, "reason", "until")
    given = {name: request.GET.get(name, "").strip().replace("\0", "")[:LONGEST] for name in names}
    try:
        from_text(given["until"])
    except ValueError:
        given["until"] = ""
    return {name: value for name, value in given.items() if value}


def _shown(kept: dict[str, str]) -> dict[str, Any]:
    until = from_text(kept["until"]) if "until" in kept else timezone.now().timestamp()
    rows = list(_rows(kept, until)[:ROWS])
    actions = actions_of(rows)
    for row in rows:
        row.kind = actions.get(row.pk) or type_name(row.receipt_type)  # type: ignore[attr-defined]
    return {"rows": rows, "until": to_text(until), "minutes": WINDOW_S // 60, "full": len(rows) == ROWS}


def _rows(kept: dict[str, str], until: float) -> QuerySet[Receipt]:
    """Newest first. A clock that is a little ahead hides nothing of its own, one years ahead nothing of others."""
    last = kept.get("until") or to_text(until + WINDOW_S)
    found = Receipt.objects.filter(event_time__gte=to_text(until - WINDOW_S), event_time__lte=last)
    found = found.filter(**{FIELDS[name]: value for name, value in kept.items() if name in FIELDS})
    if "reason" in kept:
        found = found.filter(with_reason(kept["reason"]))
    return found.order_by("-event_time", "-receipt_id").defer("line")
