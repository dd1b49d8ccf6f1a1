"""Edits of single objects, as pages and API make them: the same reading, checks, diff and receipt as a policy file.

An item is what stands for the object in a policy file (CONTRACTS section 5), and `section` is where it stands.
"""

from collections.abc import Container, Hashable, Iterator
from dataclasses import replace
from datetime import datetime

from django.utils import timezone

from controlplane.common.actor import Actor, Right
from controlplane.common.errors import Conflict, InvalidState
from controlplane.common.services import service
from controlplane.policy.declarative.current import current_policy, held_tools
from controlplane.policy.declarative.diff import Change, diff
from controlplane.policy.declarative.file import read_policy
from controlplane.policy.declarative.outcome import Applied, NothingWritten
from controlplane.policy.declarative.policy import SECTIONS, Policy, ToolKey, overlaid, section
from controlplane.policy.declarative.problems import Problem
from controlplane.policy.declarative.reach import touched
from controlplane.policy.declarative.scope import rows_around
from controlplane.policy.declarative.write import Act, try_changes, write_changes
from enforcer.contract.strict_json import JsonObject

NOUNS = dict(SECTIONS)
# what can't stand without an object: the section, and the field that names the object
STANDING = {"principals": (("grants", "principal"),), "servers": (("grants", "server_id"), ("tools", "server_id"))}
STAYS = {"trust_levels": "a trust level is tuned, never removed", "kill_switches": "a switch is lowered, not removed"}


def save(*, section: str, item: JsonObject, actor: Actor, reason: str = "", dry_run: bool = False) -> Applied:
    """Create the object or make it what `item` says. Paths of problems and warnings begin below the item."""
    try:
        return _save(section=section, item=item, actor=actor, reason=reason, dry_run=dry_run)
    except NothingWritten as nothing:
        return _below(nothing.answer)


def remove(*, section: str, item: JsonObject, actor: Actor, reason: str = "", dry_run: bool = False) -> Applied:
    """Remove the object that the identifying keys of `item` name, and first what can't stand without it.

    Raises `InvalidState` where there is none, and `Conflict` where something stands on it.
    """
    try:
        return _remove(section=section, item=item, actor=actor, reason=reason, dry_run=dry_run)
    except NothingWritten as nothing:
        return nothing.answer


@service(Right.VIEW)  # `write_changes` asks for the right of the section
def _save(*, section: str, item: JsonObject, actor: Actor, reason: str, dry_run: bool) -> Applied:
    now = timezone.now()
    current = current_policy(rows_around(section, item))
    draft = read_policy({"version": 1, section: [item]}, current, held=_held(current), now=now)
    planned = Applied(
        problems=tuple(draft.problems),
        warnings=tuple(draft.warnings),
        changes=() if draft.problems else diff(current, draft.said, prune=False),
    )
    if planned.problems or not planned.changes:
        raise NothingWritten(planned)
    servers = touched(planned.changes, current, overlaid(current, draft.said))
    if dry_run:
        raise NothingWritten(replace(planned, access=try_changes(planned.changes, servers, now)))
    return _below(_written(planned, servers, section, reason, actor, now))


@service(Right.VIEW)
def _remove(*, section: str, item: JsonObject, actor: Actor, reason: str, dry_run: bool) -> Applied:
    current = current_policy(rows_around(section, item))
    planned = Applied(changes=tuple(removals(current, section, key_of_item(section, item))))
    if dry_run:
        raise NothingWritten(planned)
    servers = touched(planned.changes, current, Policy())
    return _written(planned, servers, section, reason, actor, timezone.now())


def _written(planned: Applied, servers: set[str], section: str, reason: str, actor: Actor, now: datetime) -> Applied:
    act = Act("policy.edit", reason, {"section": section, "reason": reason})
    written = write_changes(planned.changes, servers, act=act, actor=actor, now=now)
    return replace(planned, change_ids=written.change_ids, access=written.access)


def removals(
    current: Policy, name: str, key: Hashable, leaving: Container[tuple[str, Hashable]] = ()
) -> Iterator[Change]:
    """The object itself comes last, after what can't stand without it; raises as `remove`.

    `leaving` are objects, by section and key, that are removed before it.
    """
    if name in STAYS:
        raise InvalidState("never_removed", STAYS[name])
    objects = section(current, name)
    if key not in objects:
        raise InvalidState("not_there", f"there is no such {NOUNS[name]}")
    grants = [k for k, grant in current.grants.items() if grant.group == key and ("grants", k) not in leaving]
    if name == "groups" and grants:
        raise Conflict("group_has_grants", f"the group is named by {len(grants)} grants; revoke them first")
    principals = [k for k, row in current.principals.items() if row.issuer == key and ("principals", k) not in leaving]
    if name == "identity_providers" and principals:
        raise Conflict("provider_has_principals", f"{len(principals)} principals are of it; remove them first")
    for below, reference in STANDING.get(name, ()):
        for held, spec in section(current, below).items():
            if getattr(spec, reference) == key:
                yield Change(below, NOUNS[below], held, spec, None)
    yield Change(name, NOUNS[name], key, objects[key], None)


def key_of_item(name: str, item: JsonObject) -> Hashable:
    """What the object is known by, from the keys that name it; a principal's issuer has to be written."""
    words = {
        "risk_patterns": ("where", "pattern"),
        "principals": ("issuer", "subject"),
        "tools": ("server", "name"),
        "identity_providers": ("issuer",),
    }
    named = words.get(name, ("id",) if name in ("servers", "grants") else ("name",))
    values = tuple(str(item.get(word, "")) for word in named)
    return values if len(values) > 1 else values[0]


def _held(current: Policy) -> set[ToolKey]:
    return held_tools(server_id for server_id, _ in (*current.tools, *current.discovered))


def _below(applied: Applied) -> Applied:
    """Without the section and number that only this module put around the item."""
    return replace(applied, problems=tuple(map(_cut, applied.problems)), warnings=tuple(map(_cut, applied.warnings)))


def _cut(problem: Problem) -> Problem:
    return replace(problem, path=problem.path[2:])
