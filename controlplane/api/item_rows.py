"""From rows of a page to items, through the one reading of rows that the policy file knows too."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from django.db.models import Model, QuerySet

from controlplane.grants.models import Grant
from controlplane.inventory.models import Tool
from controlplane.policy.declarative.current import Rows, current_policy
from controlplane.policy.declarative.items import item_of
from controlplane.policy.declarative.policy import section
from controlplane.principals.models import Group, Principal
from controlplane.principals.specs import PrincipalKey
from enforcer.contract.strict_json import JsonObject

LARGE: Mapping[str, type[Model]] = {"groups": Group, "principals": Principal, "tools": Tool, "grants": Grant}
KEYS: Mapping[str, Callable[[Any], Hashable]] = {
    "groups": lambda row: row.name,
    "principals": lambda row: PrincipalKey(row.issuer, row.subject),
    "tools": lambda row: (row.server_id, row.name),
    "grants": lambda row: row.key,
    "identity_providers": lambda row: row.issuer,
    "risk_patterns": lambda row: (row.where, row.pattern),
}


def items_of(name: str, rows: Sequence[Model]) -> list[JsonObject]:
    """In the order of the rows; one that was removed meanwhile is left out."""
    held = section(current_policy(_only(name, rows)), name)
    keys = [KEYS[name](row) if name in KEYS else row.pk for row in rows]
    items = [(key, item_of(held[key])) for key in keys if key in held]
    return [{"id": str(key), **item} if name == "grants" else item for key, item in items]


def _only(name: str, rows: Sequence[Model]) -> Rows:
    """Those rows and nothing else of the large tables."""
    wanted: dict[str, QuerySet[Any]] = {each: model._default_manager.none() for each, model in LARGE.items()}
    if name in LARGE:
        wanted[name] = LARGE[name]._default_manager.filter(pk__in=[row.pk for row in rows])
    return Rows(**wanted)
