"""The page that issues a token: shown once, in the answer to the very request that made it, and kept nowhere."""

import json
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.cache import add_never_cache_headers

from controlplane.accounts.identity import actor_of_request
from controlplane.common.actor import Actor, Right
from controlplane.common.admin_pages import own_page
from controlplane.common.errors import DomainError, StackUnreachable
from controlplane.fleet.models import ACTIVE
from controlplane.grants.models import Grant
from controlplane.grants.reach import grants_reaching
from controlplane.inventory.models import Server
from controlplane.principals.models import OWN_ISSUER, Principal
from controlplane.principals.tokens import issue_token

HOUR = 3600
LIFETIMES = [
    (HOUR, "1 hour"),
    (8 * HOUR, "8 hours"),
    (24 * HOUR, "1 day"),
    (7 * 24 * HOUR, "7 days"),
    (30 * 24 * HOUR, "30 days"),
    (90 * 24 * HOUR, "90 days"),
]
FORM, ISSUED = "admin/principals/principal/token.html", "admin/principals/principal/token_issued.html"
GATE = "http://…/mcp"


class IssueForm(forms.Form):
    """For which server, and how long."""

    server = forms.ModelChoiceField(
        queryset=Server.objects.filter(retired=False),
        required=False,
        widget=AutocompleteSelect(Grant._meta.get_field("server"), admin.site),
        help_text="Left empty, it is good at every server where the principal has grants.",
    )
    lifetime = forms.TypedChoiceField(
        choices=LIFETIMES, coerce=int, initial=HOUR, help_text="It can be revoked before, and not prolonged."
    )


def issue_page(request: HttpRequest, model_admin: ModelAdmin[Any], pk: int) -> HttpResponse:
    """Ask; on POST issue, and show the token."""
    actor = actor_of_request(request)
    principal = get_object_or_404(Principal, pk=pk)
    if not actor.may(Right.ISSUE_TOKENS) or principal.issuer != OWN_ISSUER:
        raise PermissionDenied
    form = IssueForm(request.POST or None)
    token = _issue(form, principal, actor) if request.method == "POST" and form.is_valid() else ""
    title = f"A token for {principal.subject}"
    context = {"principal": principal, "title": title, "form": form, "form_media": form.media}
    if not token:
        reached = grants_reaching(principal).exists()
        return own_page(request, model_admin, FORM, **context, reached=reached)
    server = form.cleaned_data["server"]
    known: dict[str, Any] = {"token": token, "snippet": snippet(token, server), "server": server, "gate": GATE}
    page = own_page(request, model_admin, ISSUED, **context, **known, enforcers=_gates(server))
    add_never_cache_headers(page)
    return page


def snippet(token: str, server: Server | None) -> str:
    """What most MCP clients read; the address is for a person to put in."""
    name = server.id if server else OWN_ISSUER
    entry = {"type": "http", "url": GATE, "headers": {"Authorization": f"Bearer {token}"}}
    return json.dumps({"mcpServers": {name: entry}}, indent=2, ensure_ascii=False)


def _issue(form: IssueForm, principal: Principal, actor: Actor) -> str:
    server = form.cleaned_data["server"]
    try:
        return issue_token(
            subject=principal.subject,
            server_id=server.id if server else None,
            ttl_s=form.cleaned_data["lifetime"],
            actor=actor,
        )
    except DomainError as refused:
        form.add_error(None, refused.message)
    except StackUnreachable as problem:
        form.add_error(None, str(problem))
    return ""


def _gates(server: Server | None) -> list[str]:
    if server is None:
        return []
    return list(server.enforcers.filter(ACTIVE).order_by("id").values_list("id", flat=True)[:20])
