"""An export, and applying it again."""

import io
from datetime import datetime, timedelta

from django.core.management import call_command

from controlplane.policy.declarative.apply import apply_policy
from controlplane.policy.declarative.outcome import Applied
from controlplane.policy.declarative.yaml_lines import Written, read_yaml
from enforcer.contract.strict_json import JsonValue
from tests.controlplane.actors import ADA
from tests.controlplane.policy_file.policies import NOW

BEFORE = NOW - timedelta(days=10)  # when no window of a random policy had ended
AFTER = NOW + timedelta(days=400)  # when every one has


def apply(value: JsonValue, now: datetime = NOW, *, prune: bool = False) -> Applied:
    """As the command does."""
    return apply_policy(value=value, source="-", actor=ADA, now=now, prune=prune)


def export(*words: str) -> str:
    """What the command prints; in the test's own transaction, which a whole command would end."""
    out = io.StringIO()
    call_command("export", *words, stdout=out)
    return out.getvalue()


def exported(*words: str) -> JsonValue:
    """The same, read."""
    made = read_yaml(export(*words).encode())
    assert isinstance(made, Written), made
    return made.value


def check_nothing_changes(now: datetime = NOW) -> None:
    """In both forms, pruning or not."""
    said = exported()
    assert said == exported("--json")
    for prune in (False, True):
        applied = apply(said, now, prune=prune)
        assert (applied.problems, applied.changes, applied.left_alone) == ((), (), "")
