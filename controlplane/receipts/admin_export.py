"""The page that hands receipts out: a form whose buttons lead to the API, and the public keys for whoever verifies."""

import json
from datetime import date, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from controlplane.accounts.identity import actor_of_request
from controlplane.common.actor import Right
from controlplane.common.admin_pages import own_page
from controlplane.common.errors import DomainError, StackUnreachable
from controlplane.receipts.models import Receipt
from controlplane.receipts.public_keys import listed_keys
from enforcer.contract.reasons import ReasonCode

DAY = forms.DateInput({"type": "date"}, format="%Y-%m-%d")
DECISIONS = (("", "any"), ("allow", "allow"), ("deny", "deny"), ("require_approval", "require approval"))
ADDRESSES = {"lines": "api-export-receipts", "table": "api-export-table"}
FROM_THE_LIST = ("server", "principal", "decision", "reason", "enforcer")  # its filters have the same names


class ExportForm(forms.Form):
    """The filters of the API."""

    since = forms.DateField(widget=DAY, help_text="UTC, included.")
    until = forms.DateField(widget=DAY, help_text="UTC, not included.")
    server = forms.CharField(max_length=63, required=False)
    tool = forms.CharField(max_length=255, required=False)
    principal = forms.CharField(max_length=255, required=False, help_text="Its subject.")
    decision = forms.ChoiceField(choices=DECISIONS, required=False)
    reason = forms.ChoiceField(choices=[("", "any"), *((c.value, c.value) for c in ReasonCode)], required=False)
    enforcer = forms.CharField(max_length=63, required=False, help_text="control-plane for what people did here.")


def export_view(request: HttpRequest, admin: ModelAdmin[Receipt]) -> HttpResponse:
    """Of last month, narrowed as the list was, unless somebody says otherwise."""
    _require(request)
    if request.GET.get("as") in ADDRESSES:
        asked = ExportForm(request.GET)
        if asked.is_valid():
            return HttpResponseRedirect(_address(request.GET["as"], asked.cleaned_data))
        return _page(request, admin, asked)
    since, until = last_month(timezone.now().date())
    initial = {name: request.GET.get(name, "")[:255] for name in FROM_THE_LIST}
    return _page(request, admin, ExportForm(initial={"since": since, "until": until, **initial}))


def _page(request: HttpRequest, admin: ModelAdmin[Receipt], form: ExportForm) -> HttpResponse:
    return own_page(request, admin, "admin/receipts/receipt/export.html", title="Export receipts", form=form)


def _address(form: str, given: dict[str, Any]) -> str:
    """Of the API, which takes no filter without a value."""
    return f"{reverse(ADDRESSES[form])}?{urlencode({name: str(value) for name, value in given.items() if value})}"


def keys_view(request: HttpRequest, _admin: ModelAdmin[Receipt]) -> HttpResponse:
    """As `manage.py receipts keys` prints them."""
    _require(request)
    try:
        text = json.dumps({"keys": listed_keys()}, indent=2)
    except (DomainError, StackUnreachable) as problem:
        messages.error(request, str(problem))
        return HttpResponseRedirect(reverse("admin:receipts_receipt_export"))
    headers = {"Content-Disposition": 'attachment; filename="keys.json"'}
    return HttpResponse(text, content_type="application/json", headers=headers)


def last_month(today: date) -> tuple[date, date]:
    """Its first day, and the first after it."""
    until = today.replace(day=1)
    return (until - timedelta(days=1)).replace(day=1), until


def _require(request: HttpRequest) -> None:
    if request.method not in ("GET", "HEAD") or not actor_of_request(request).may(Right.EXPORT_RECEIPTS):
        raise PermissionDenied
