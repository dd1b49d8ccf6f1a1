"""What an edit made different, object by object, kept with its change so that it can be rolled back."""

import json
from collections.abc import Sequence

from controlplane.policy.declarative.diff import Change
from controlplane.policy.declarative.items import item_of
from controlplane.policy.declarative.policy import KillSpec
from controlplane.policy.models import Undo

MOST_OBJECTS = 500
LONGEST = 1_000_000  # characters; what is larger is a policy file, and its author has the one before


def keep_undo(change_id: int, changes: Sequence[Change]) -> None:
    """Nothing of an edit that is too large. A switch is lowered, not rolled back."""
    told = [change for change in changes if not isinstance(change.after, KillSpec)]
    if not 0 < len(told) <= MOST_OBJECTS:
        return
    entries = [[c.section, c.key, *(spec and item_of(spec) for spec in (c.before, c.after))] for c in told]
    if len(json.dumps(entries)) <= LONGEST:
        Undo.objects.create(change_id=change_id, entries=entries)
