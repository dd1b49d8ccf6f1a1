"""Rolling one change back: what it made different is made as it was before, as a new change like any other.

What was changed again since stands in the way, and is named: whose edit should win is for a person to say.
"""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace

from django.utils import timezone

from controlplane.common.actor import Actor, Right
from controlplane.common.errors import Conflict, InvalidState
from controlplane.common.services import service
from controlplane.policy.declarative.current import current_policy, held_tools
from controlplane.policy.declarative.diff import Change as Difference
from controlplane.policy.declarative.diff import diff
from controlplane.policy.declarative.file import read_policy
from controlplane.policy.declarative.items import item_of
from controlplane.policy.declarative.outcome import Applied, NothingWritten
from controlplane.policy.declarative.policy import Policy, overlaid, section
from controlplane.policy.declarative.reach import touched
from controlplane.policy.declarative.write import Act, try_changes, write_changes
from controlplane.policy.edits import NOUNS, removals
from controlplane.policy.models import Undo
from enforcer.contract.strict_json import JsonObject, JsonValue

NAMED = 5


@dataclass(frozen=True, slots=True)
class _Entry:
    section: str
    key: Hashable
    before: JsonObject | None
    after: JsonObject | None


def roll_back(*, change_id: int, actor: Actor, reason: str = "", dry_run: bool = False) -> Applied:
    """Raises `InvalidState` where nothing is known to go back to, `Conflict` where something was changed since."""
    try:
        return _roll_back(change_id=change_id, actor=actor, reason=reason, dry_run=dry_run)
    except NothingWritten as nothing:
        return nothing.answer


@service(Right.VIEW)  # `write_changes` asks for the rights of the sections
def _roll_back(*, change_id: int, actor: Actor, reason: str, dry_run: bool) -> Applied:
    undo = Undo.objects.filter(change_id=change_id).first()
    if undo is None:
        raise InvalidState("not_kept", "nothing is kept to go back to: it was no edit of the policy, or too large")
    entries = [_Entry(name, tuple(key) if isinstance(key, list) else key, *items) for name, key, *items in undo.entries]
    current, now = current_policy(), timezone.now()
    _refuse_changed_since(current, entries)
    draft = read_policy(_document(entries), current, held=held_tools(), now=now)
    if draft.problems:
        raise NothingWritten(Applied(problems=tuple(draft.problems)))
    changes = (*diff(current, draft.said, prune=False), *_gone(current, entries))
    planned = Applied(warnings=tuple(draft.warnings), changes=changes)
    if not changes:
        raise NothingWritten(planned)
    servers = touched(changes, current, overlaid(current, draft.said))
    if dry_run:
        raise NothingWritten(replace(planned, access=try_changes(changes, servers, now)))
    act = Act("policy.roll_back", reason, {"rolled_back": change_id, "reason": reason})
    written = write_changes(changes, servers, act=act, actor=actor, now=now)
    return replace(planned, change_ids=written.change_ids, access=written.access)


def _refuse_changed_since(current: Policy, entries: list[_Entry]) -> None:
    """Each object must be what the change left."""
    moved = []
    for entry in entries:
        there = section(current, entry.section).get(entry.key)
        if (item_of(there) if there is not None else None) != entry.after:
            words = entry.key if isinstance(entry.key, tuple) else (entry.key,)
            moved.append(f"{NOUNS[entry.section]} {' '.join(map(str, words))}")
    if moved:
        more = f" and {len(moved) - NAMED} more" if len(moved) > NAMED else ""
        raise Conflict("changed_since", f"changed again since then: {', '.join(moved[:NAMED])}{more}")


def _document(entries: list[_Entry]) -> JsonObject:
    """A policy file of what was there before."""
    found: dict[str, list[JsonValue]] = {}
    for entry in entries:
        if entry.before is not None:
            found.setdefault(entry.section, []).append(entry.before)
    return {"version": 1, **found}


def _gone(current: Policy, entries: list[_Entry]) -> Iterator[Difference]:
    """What the change brought, the last first, each with what can't stand without it."""
    told = set[tuple[str, Hashable]]()
    for entry in reversed(entries):
        if entry.before is None and entry.after is not None:
            for change in removals(current, entry.section, entry.key, told):
                if (change.section, change.key) not in told:
                    told.add((change.section, change.key))
                    yield change
