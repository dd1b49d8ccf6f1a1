"""The page that issues a token: shown once, in the answer to the very request that made it, and kept nowhere."""

import json
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.cache import add_never_cache_headers

from controlplane.accounts.identity import actor_of_request
from controlplane.common.actor import Right
from controlplane.common.acts import Act, act_page
from controlplane.common.admin_pages import own_page
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
GATE = "http://…/mcp"
SHOWN = 20


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
    principal = get_object_or_404(Principal, pk=pk)
    if principal.issuer != OWN_ISSUER:
        raise PermissionDenied
    nothing = f"No grant reaches {principal.subject} yet: with this token it sees no tool, and every call is refused."
    act = Act(
        title=f"A token for {principal.subject}",
        button="Issue the token",
        right=Right.ISSUE_TOKENS,
        perform=partial(_issued, request, model_admin, principal),
        back=reverse("admin:principals_principal_change", args=[pk]),
        form=IssueForm,
        effect=() if grants_reaching(principal).exists() else (nothing,),
    )
    return act_page(request, model_admin, act)


def snippet(token: str, server: Server | None) -> str:
    """What most MCP clients read; the address is for a person to put in."""
    entry = {"type": "http", "url": GATE, "headers": {"Authorization": f"Bearer {token}"}}
    return json.dumps({"mcpServers": {server.id if server else OWN_ISSUER: entry}}, indent=2, ensure_ascii=False)


def _issued(
    request: HttpRequest, model_admin: ModelAdmin[Any], principal: Principal, given: dict[str, Any]
) -> HttpResponse:
    server: Server | None = given["server"]
    token = issue_token(
        subject=principal.subject,
        server_id=server.id if server else None,
        ttl_s=given["lifetime"],
        actor=actor_of_request(request),
    )
    page = own_page(
        request,
        model_admin,
        "admin/principals/principal/token_issued.html",
        title=f"A token for {principal.subject}",
        principal=principal,
        server=server,
        token=token,
        snippet=snippet(token, server),
        gate=GATE,
        enforcers=_gates(server),
    )
    add_never_cache_headers(page)
    return page


def _gates(server: Server | None) -> list[str]:
    """Enforcers whose files say the address."""
    if server is None:
        return []
    return list(server.enforcers.filter(ACTIVE).order_by("id").values_list("id", flat=True)[:SHOWN])
