"""The rows that one object of the policy can touch or refer to, so that an edit of it reads no more than those."""

from django.db.models import Q, QuerySet

from controlplane.grants.models import Grant
from controlplane.inventory.models import Tool
from controlplane.policy.declarative.current import Rows
from controlplane.principals.models import Group, Principal
from enforcer.contract.strict_json import JsonObject, JsonValue

SELECTING = Q(server__isnull=True, constraint__isnull=False)  # may constrain a field of any tool


def rows_around(section: str, item: JsonObject) -> Rows:
    """What to read before `item` of `section` is written or removed; what it doesn't name right finds nothing."""
    match section:
        case "principals":
            return _around_principal(_text(item, "subject"), _texts(item, "groups"))
        case "groups":
            name = _text(item, "name")
            return _rows(groups=Group.objects.filter(name=name), grants=Grant.objects.filter(group__name=name))
        case "servers":
            id_ = _text(item, "id")
            grants = Grant.objects.filter(Q(server_id=id_) | SELECTING)
            return _rows(tools=Tool.objects.filter(server_id=id_), grants=grants)
        case "tools":
            id_ = _text(item, "server")
            constrained = Grant.objects.filter(Q(server_id=id_, constraint__isnull=False) | SELECTING)
            return _rows(tools=Tool.objects.filter(server_id=id_, name=_text(item, "name")), grants=constrained)
        case "grants":
            return _around_grant(item)
        case "identity_providers":
            return _rows(principals=Principal.objects.filter(issuer=_text(item, "issuer")))
        case _:
            return _rows()


def _rows(
    groups: QuerySet[Group] | None = None,
    principals: QuerySet[Principal] | None = None,
    tools: QuerySet[Tool] | None = None,
    grants: QuerySet[Grant] | None = None,
) -> Rows:
    return Rows(
        groups=Group.objects.none() if groups is None else groups,
        principals=Principal.objects.none() if principals is None else principals,
        tools=Tool.objects.none() if tools is None else tools,
        grants=Grant.objects.none() if grants is None else grants,
    )


def _around_principal(subject: str, named: list[str]) -> Rows:
    principals = Principal.objects.filter(subject=subject)
    groups = Group.objects.filter(Q(name__in=named) | Q(members__in=principals)).distinct()
    grants = Grant.objects.filter(Q(principal__in=principals) | Q(group__in=groups))
    return _rows(groups, principals, grants=grants)


def _around_grant(item: JsonObject) -> Rows:
    """Its own row, and what else its people hold there: a deny may shadow it."""
    principals = Principal.objects.filter(subject=_text(item, "principal"))
    groups = Group.objects.filter(Q(name=_text(item, "group")) | Q(members__in=principals)).distinct()
    server_id = _text(item, "server")
    tools = Tool.objects.filter(server_id=server_id) if server_id else _selected(item)
    there = Q(server_id=server_id) | Q(server__isnull=True) if server_id else Q()
    theirs = (Q(principal__in=principals) | Q(group__in=groups)) & there
    return _rows(groups, principals, tools, Grant.objects.filter(theirs | Q(key=_text(item, "id"))))


def _selected(item: JsonObject) -> QuerySet[Tool]:
    found = Tool.objects.all()
    if trust := _text(item, "trust"):
        found = found.filter(server__trust_level_id=trust)
    if risk := _text(item, "risk"):
        found = found.filter(risk=risk)
    return found


def _text(item: JsonObject, key: str) -> str:
    value = item.get(key)
    return value if isinstance(value, str) else ""


def _texts(item: JsonObject, key: str) -> list[str]:
    value: JsonValue = item.get(key)
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []
