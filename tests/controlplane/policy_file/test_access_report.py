"""What an edit comes to for people: told by apply, in a dry run, by the API and the pages."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from controlplane.grants.models import Grant
from controlplane.policy import edits
from controlplane.policy.declarative import access
from controlplane.policy.declarative.apply import apply_policy
from tests.controlplane.actors import ADA
from tests.controlplane.commands import run
from tests.controlplane.factories import trust_level

pytestmark = pytest.mark.django_db
POLICY: dict[str, Any] = {
    "version": 1,
    "servers": [{"id": "files", "trust_level": "internal", "credential": {"mode": "none"}}],
    "tools": [
        {"server": "files", "name": name, "risk": risk, "input_schema": {"type": "object"}}
        for name, risk in (("fs_read", "LOW"), ("fs_write", "HIGH"))
    ],
    "groups": [{"name": "finance"}],
    "principals": [{"subject": "alice", "groups": ["finance"]}, {"subject": "bob", "groups": ["finance"]}],
}
BOTH = "alice, bob × fs_read, fs_write"
GRANT = {"group": "finance", "server": "files", "tools": ["*"], "reason": "reports"}


def said(*, dry_run: bool = False, prune: bool = False, **more: Any) -> tuple[str, ...]:
    value = {**POLICY, **more}
    made = apply_policy(value=value, source="x", actor=ADA, now=timezone.now(), dry_run=dry_run, prune=prune)
    assert not made.problems, made.problems
    return made.access


def test_a_grant_to_a_group_is_told_in_people_and_tools() -> None:
    said()
    wanted = (f"newly allows 2 principals × 2 tools on files: {BOTH}, some only with an approval",)
    assert said(grants=[GRANT], dry_run=True) == wanted
    assert not Grant.objects.exists()
    assert said(grants=[GRANT]) == wanted
    assert said(grants=[GRANT]) == ()


def test_what_nobody_can_call_any_more_is_told_too() -> None:
    said(grants=[GRANT])
    assert said(prune=True) == (f"no longer allows 2 principals × 2 tools on files: {BOTH}",)


def test_a_member_who_leaves_a_deny_and_a_risk_all_show_what_they_come_to() -> None:
    said(grants=[GRANT])
    left = edits.save(section="principals", item={"subject": "bob", "issuer": "drawbridge"}, actor=ADA)
    assert left.access == ("no longer allows 1 principal × 2 tools on files: bob × fs_read, fs_write",)
    deny = {"principal": "alice", "server": "files", "tools": ["fs_write"], "effect": "deny"}
    assert edits.save(section="grants", item=deny, actor=ADA, dry_run=True).access == (
        "no longer allows 1 principal × 1 tool on files: alice × fs_write",
    )
    assert edits.save(section="grants", item=deny, actor=ADA).access[0].startswith("no longer allows 1 principal × 1")


def test_what_is_too_large_to_be_worked_out_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "TOOLS", 1)
    assert said(grants=[GRANT]) == ("who can call what on 1 more server was not worked out: too large",)


@pytest.mark.django_db(transaction=True)
def test_the_command_prints_it_below_the_changes(tmp_path: Path) -> None:
    trust_level("internal")  # a flush may have taken the row
    file = tmp_path / "policy.json"
    file.write_text(json.dumps({**POLICY, "grants": [GRANT]}))
    ended = run("apply", str(file), "--dry-run")
    assert ended.code == 1, ended
    assert ended.out.splitlines()[-1].startswith("newly allows 2 principals × 2 tools on files: alice, bob")
