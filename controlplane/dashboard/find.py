"""The search box: one word, looked for in names and ids everywhere, a few of each kind."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Q
from django.urls import reverse

from controlplane.common.actor import Actor, Right
from controlplane.fleet.models import Enforcer
from controlplane.grants.models import Grant
from controlplane.grants.sentence import sentence
from controlplane.inventory.models import Server, Tool
from controlplane.principals.models import Group, Principal
from controlplane.receipts.models import Receipt

EACH = 10
LONGEST = 200


@dataclass(frozen=True, slots=True)
class Hit:
    """Where it leads, and what it is in words."""

    kind: str
    title: str
    detail: str
    url: str


def find(query: str, actor: Actor) -> list[Hit]:
    """At most `EACH` of a kind; nothing for an empty query."""
    text = query.strip()[:LONGEST].replace("\0", "")
    return [*_inventory(text), *_callers(text), *_rest(text, actor)] if text else []


def _inventory(text: str) -> Iterator[Hit]:
    for server in Server.objects.filter(Q(id__icontains=text) | Q(title__icontains=text)).order_by("id")[:EACH]:
        yield Hit("server", server.id, server.title, reverse("admin:inventory_server_change", args=[server.pk]))
    server_id, slash, name = text.partition("/")
    named = Q(server_id=server_id, name__icontains=name) if slash else Q(name__icontains=text)
    for tool in Tool.objects.filter(named).order_by("server_id", "name")[:EACH]:
        yield Hit("tool", str(tool), tool.risk, reverse("admin:inventory_tool_change", args=[tool.pk]))


def _callers(text: str) -> Iterator[Hit]:
    for principal in Principal.objects.filter(subject__icontains=text).order_by("subject")[:EACH]:
        url = reverse("admin:principals_principal_change", args=[principal.pk])
        yield Hit("principal", principal.subject, principal.issuer, url)
    for group in Group.objects.filter(name__icontains=text).order_by("name")[:EACH]:
        yield Hit("group", group.name, "", reverse("admin:principals_group_change", args=[group.pk]))


def _rest(text: str, actor: Actor) -> Iterator[Hit]:
    named = Q(key=text) | Q(ticket__iexact=text) | Q(principal__subject=text) | Q(group__name=text)
    for grant in Grant.objects.filter(named).select_related("principal", "group").order_by("key")[:EACH]:
        yield Hit("grant", grant.key, sentence(grant), reverse("admin:grants_grant_change", args=[grant.pk]))
    for enforcer in Enforcer.objects.filter(id__icontains=text).order_by("id")[:EACH]:
        yield Hit("enforcer", enforcer.id, "", reverse("admin:fleet_enforcer_change", args=[enforcer.pk]))
    if actor.may(Right.READ_RECEIPTS):
        for receipt in Receipt.objects.filter(receipt_id=text).defer("line")[:EACH]:
            url = reverse("admin:receipts_receipt_change", args=[receipt.pk])
            yield Hit("receipt", receipt.receipt_id, f"{receipt.subject} {receipt.tool_name}", url)
