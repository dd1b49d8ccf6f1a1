"""Many new objects are written at once; what comes of it is what writing each alone gives."""

from typing import Any

import pytest
from django.utils import timezone

from controlplane.common import bulk
from controlplane.grants.models import Grant
from controlplane.inventory.models import Tool
from controlplane.policy.declarative import write
from controlplane.policy.declarative.apply import apply_policy
from controlplane.principals.models import Principal
from tests.controlplane.actors import ADA
from tests.controlplane.factories import ToolFactory

pytestmark = pytest.mark.django_db
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
POLICY: dict[str, Any] = {
    "version": 1,
    "servers": [{"id": "files", "trust_level": "internal", "credential": {"mode": "none"}}],
    "tools": [{"server": "files", "name": f"t{n}", "risk": "LOW", "input_schema": SCHEMA} for n in range(7)],
    "groups": [{"name": "finance"}],
    "principals": [{"subject": f"p{n}", "groups": ["finance", f"g{n % 3}"][: n % 3]} for n in range(7)],
    "grants": [
        *({"principal": f"p{n}", "server": "files", "tools": [f"t{n}"], "reason": "x"} for n in range(7)),
        {"group": "finance", "trust": "internal", "risk": "LOW", "constraint": {"minProperties": 1}},
    ],
}


def applied() -> None:
    made = apply_policy(value=POLICY, source="x", actor=ADA, now=timezone.now())
    assert not made.problems, made.problems


def rows() -> list[Any]:
    """Everything but keys and times."""
    hidden = ("id", "history_id", "history_date", "principal_id", "group_id", "tool_id")
    found: list[Any] = []
    for model in (Tool, Principal, Grant, Tool.history.model, Principal.history.model, Grant.history.model):  # type: ignore[attr-defined]
        found += sorted(repr({k: v for k, v in row.items() if k not in hidden}) for row in model.objects.values())
    return [*found, sorted(Principal.groups.through.objects.values_list("principal__subject", "group__name"))]


def test_what_is_written_at_once_is_what_is_written_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "AT_ONCE", 3)
    applied()
    at_once = rows()
    for model in (Grant, Tool, Principal):
        model.objects.all().delete()
        model.history.all().delete()  # type: ignore[attr-defined]
    monkeypatch.setattr(write, "CREATORS", {})
    applied()
    assert rows() == at_once


def test_the_history_names_who_applied_it() -> None:
    applied()
    for row in (Grant.objects.first(), Tool.objects.first(), Principal.objects.get(subject="p0")):
        assert row is not None
        (past,) = row.history.all()  # type: ignore[union-attr]
        assert (past.history_user_id, past.history_change_reason, past.history_type) == ("ada", "", "+")


def test_a_discovered_tool_among_many_is_declared_as_it_would_be_alone() -> None:
    applied_server = {key: POLICY[key] for key in ("version", "servers")}
    apply_policy(value=applied_server, source="x", actor=ADA, now=timezone.now())
    ToolFactory(server_id="files", name="t3", declared=False, state="unreviewed", seen="sha256:" + "0" * 64)
    applied()
    assert Tool.objects.get(name="t3").state == "changed"
    assert set(Tool.objects.exclude(name="t3").values_list("state", flat=True)) == {"reviewed"}
