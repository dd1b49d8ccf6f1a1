"""From a receipt to what it names, where that is still there: a receipt holds names, never keys of other tables."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.contrib.admin.utils import quote
from django.db.models import Model, QuerySet
from django.urls import reverse
from django.utils.http import urlencode

from controlplane.fleet.models import Enforcer
from controlplane.grants.models import Grant
from controlplane.incidents.models import KillSwitch
from controlplane.inventory.models import Server, Tool
from controlplane.policy.models import Kind, SignedDocument
from controlplane.principals.models import Principal
from enforcer.contract.reasons import ReasonCode
from enforcer.contract.strict_json import JsonObject, JsonValue

MOST_SWITCHES = 10
DOCUMENTS = (("snapshot", Kind.POLICY, "snapshot_version"), ("incident state", Kind.INCIDENT, "incident_epoch"))


@dataclass(frozen=True, slots=True)
class Place:
    """What is called so, and where its page is; no `url` where it is gone."""

    noun: str
    name: str
    url: str


def links_of(receipt: JsonObject) -> list[Place]:
    """In the order in which somebody asks: by which rule, who, where."""
    return list(_links(receipt))


@dataclass(frozen=True, slots=True)
class Way:
    """Where the decision can be understood or changed."""

    title: str
    url: str


def ways_of(receipt: JsonObject, *, may_edit: bool) -> list[Way]:
    """Of a call whose caller and tool are known here: its cell of the matrix, and the form of the grant it lacked."""
    mcp, caller, decision = (_part(receipt, name) for name in ("mcp", "principal", "decision"))
    server_id, tool = _word(mcp, "server_id"), _word(mcp, "tool_name")
    principal = Principal.objects.filter(subject=_word(caller, "sub"), issuer=_word(caller, "issuer")).first()
    if principal is None or not Tool.objects.filter(server_id=server_id, name=tool, server__retired=False).exists():
        return []
    cell = urlencode({"principal": str(principal.pk), "call": tool, "who": principal.subject, "what": tool})
    ways = [Way("What the policy of now says", f"{reverse('matrix', args=[server_id])}?{cell}#cell")]
    codes = decision.get("reason_codes")
    if may_edit and isinstance(codes, list) and ReasonCode.DENY_NO_MATCHING_RULE in codes:
        asked = urlencode({"principal": str(principal.pk), "server": server_id, "tools": tool})
        ways.append(Way("Grant access", f"{reverse('admin:grants_grant_add')}?{asked}"))
    return ways


def _links(receipt: JsonObject) -> Iterator[Place]:
    mcp, principal, decision, incident = (_part(receipt, n) for n in ("mcp", "principal", "decision", "incident"))
    server_id, subject, issuer = _word(mcp, "server_id"), _word(principal, "sub"), _word(principal, "issuer")
    yield from _place("grant", _word(decision, "policy_id"), Grant.objects.filter(key=_word(decision, "policy_id")))
    if issuer:
        yield from _place("principal", subject, Principal.objects.filter(subject=subject, issuer=issuer))
    yield from _place("server", server_id, Server.objects.filter(id=server_id))
    tool = _word(mcp, "tool_name")
    yield from _place("tool", tool, Tool.objects.filter(server_id=server_id, name=tool))
    for noun, kind, name in DOCUMENTS:
        number = decision.get(name)
        if isinstance(number, int):
            found = SignedDocument.objects.filter(kind=kind, server_id=server_id, number=number).defer("envelope")
            yield from _place(noun, str(number), found)
    yield from _switches(incident.get("kill_switch_ids"))
    enforcer_id = _word(receipt, "enforcer_id")
    yield from _place("enforcer", enforcer_id, Enforcer.objects.filter(id=enforcer_id))


def _switches(ids: JsonValue) -> Iterator[Place]:
    for name in ids[:MOST_SWITCHES] if isinstance(ids, list) else []:
        number = str(name).removeprefix("kill-")
        if number.isascii() and number.isdigit() and len(number) < 19:
            yield from _place("kill switch", str(name), KillSwitch.objects.filter(pk=int(number)))


def _place(noun: str, name: str, rows: QuerySet[Model] | QuerySet[Grant] | QuerySet[SignedDocument]) -> Iterator[Place]:
    if name:
        row = rows.first()
        opts = rows.model._meta
        url = (
            reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[quote(row.pk)]) if row is not None else ""
        )
        yield Place(noun, name, url)


def _part(receipt: JsonObject, name: str) -> JsonObject:
    value = receipt.get(name)
    return value if isinstance(value, dict) else {}


def _word(part: JsonObject, name: str) -> str:
    value = part.get(name)
    return value.replace("\0", "") if isinstance(value, str) else ""
