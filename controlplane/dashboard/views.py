"""The overview, and the small parts of pages that refresh by themselves."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from controlplane.accounts.identity import actor_of_request
from controlplane.common.actor import Right
from controlplane.dashboard.chart import columns
from controlplane.dashboard.find import LONGEST, find
from controlplane.dashboard.freshness import STOPPED_AFTER_S, lease_age_s
from controlplane.dashboard.overview import overview_of
from controlplane.dashboard.pages import page
from controlplane.fleet.publication import publication
from controlplane.receipts.activity import activity

MOST_CHANGES = 50


@page(Right.VIEW)
def overview(request: HttpRequest) -> HttpResponse:
    """What needs a person, what is switched off, who enforces, what happened."""
    actor = actor_of_request(request)
    lately = activity(timezone.now()) if actor.may(Right.READ_RECEIPTS) else None
    chart = columns(lately.minutes, lately.most) if lately else []
    return render(
        request, "dashboard/overview.html", {"overview": overview_of(actor), "activity": lately, "columns": chart}
    )


@page(Right.VIEW)
def found(request: HttpRequest) -> HttpResponse:
    """What the search box leads to."""
    query = request.GET.get("q", "")[:LONGEST]
    return render(request, "dashboard/find.html", {"find_query": query, "hits": find(query, actor_of_request(request))})


@page(Right.VIEW)
def freshness(request: HttpRequest) -> HttpResponse:
    """The chip at the top of every page."""
    age = lease_age_s()
    state = "unknown" if age is None else "fresh" if age <= STOPPED_AFTER_S else "stopped"
    return render(request, "dashboard/freshness.html", {"age": age, "state": state})


@page(Right.VIEW)
def published(request: HttpRequest, change_ids: str) -> HttpResponse:
    """What became of the changes `12-13`."""
    numbers = [int(word) for word in change_ids.split("-")][:MOST_CHANGES]
    found = publication(numbers)
    if found is None:
        raise Http404
    part = "HX-Request" in request.headers  # without it somebody followed the link that stands there without scripts
    template = "dashboard/publication.html" if part else "dashboard/published.html"
    return render(request, template, {"publication": found, "change_ids": change_ids})
