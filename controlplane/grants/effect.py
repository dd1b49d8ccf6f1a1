"""What a stored grant comes to today: the tools it matches, whom it reaches, and what stands in its way."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from controlplane.common.admin_pages import Some, some
from controlplane.grants.models import Grant
from controlplane.grants.specs import GrantSpec
from controlplane.inventory.models import Tool
from controlplane.policy.declarative.check import Rules
from controlplane.policy.declarative.current import Rows, current_policy, held_tools
from controlplane.policy.declarative.policy import Policy, ToolKey
from controlplane.policy.declarative.scope import rows_around
from controlplane.policy.declarative.selections import Selections
from controlplane.policy.declarative.warnings import GrantNotes
from controlplane.principals.models import Principal
from enforcer.contract.strict_json import JsonObject

LOOKED_THROUGH = 1000  # tools; a selector may speak of many thousands, and each has a schema
SHOWN = 20


@dataclass(frozen=True, slots=True)
class Effect:
    """`whole` is false where it speaks of more tools than were looked through."""

    tools: Some[Tool]
    whole: bool
    people: Some[Principal]
    notes: tuple[str, ...]
    more_notes: int


def around(grant: Grant) -> JsonObject:
    """What it speaks of, as an item would: rows to read around it are found by that."""
    return {
        "principal": grant.principal.subject if grant.principal else "",
        "group": grant.group.name if grant.group else "",
        "server": grant.server_id or "",
        "trust": grant.trust,
        "risk": grant.risk,
    }


def effect_of(grant: Grant) -> Effect:
    """Read from the rows as they are now; nothing is locked."""
    rows = rows_around("grants", {"id": grant.key, **around(grant)})
    looked = list(rows.tools.filter(server__retired=False).order_by("server", "name")[: LOOKED_THROUGH + 1])
    tools = looked[:LOOKED_THROUGH]
    current = current_policy(_only(rows, tools))
    spec = current.grants[grant.key]
    matched = sorted(tool.key for tool in Selections(_everything(current)).of(spec))
    notes = _notes(spec, current)
    return Effect(
        tools=Some(_rows(matched[:SHOWN], tools), len(matched)),
        whole=len(looked) <= LOOKED_THROUGH,
        people=_people(grant),
        notes=tuple(notes[:SHOWN]),
        more_notes=max(len(notes) - SHOWN, 0),
    )


def _only(rows: Rows, tools: Iterable[Tool]) -> Rows:
    return replace(rows, tools=Tool.objects.filter(pk__in=[tool.pk for tool in tools]))


def _everything(current: Policy) -> Policy:
    """Discovered tools are matched as declared ones are."""
    return replace(current, tools=current.discovered | current.tools)


def _rows(keys: Iterable[ToolKey], tools: Iterable[Tool]) -> list[Tool]:
    by_key = {(tool.server_id, tool.name): tool for tool in tools}
    return [by_key[key] for key in keys]


def _notes(spec: GrantSpec, current: Policy) -> list[str]:
    """What an edit would refuse or warn of, were the grant written today."""
    whole = _everything(current)
    rules = Rules(whole, timezone.now())
    notes = GrantNotes(whole, rules.selections, held_tools(server for server, _ in whole.tools))
    return [f"{note.what}; {note.right}" for note in (*rules.grant(spec), *notes.of(spec))]


def _people(grant: Grant) -> Some[Principal]:
    if grant.group is None:
        return Some([grant.principal] if grant.principal else [], 1)
    url = f"{reverse('admin:principals_principal_changelist')}?{urlencode({'in': grant.group.name})}"
    return some(Principal.objects.filter(groups=grant.group).order_by("subject", "issuer"), url)
