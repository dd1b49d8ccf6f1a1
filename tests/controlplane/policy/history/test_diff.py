"""From one version to the next: what came, went, changed, and whether it lets more through."""

from typing import Any

import pytest

from controlplane.policy.history.diff import SHOWN, Entry, difference

ALLOW: dict[str, Any] = {"id": "g", "effect": "allow", "tools": ["read"], "max_risk": "LOW"}
DENY: dict[str, Any] = {"id": "g", "effect": "deny", "tools": ["read"]}
TOOL: dict[str, Any] = {"name": "read", "risk": "HIGH", "state": "reviewed", "input_schema": {"type": "object"}}
TRUST: dict[str, Any] = {
    "name": "internal", "ceiling": "HIGH", "pins": "required", "stale_high_s": 60, "stale_all_s": 900,
}  # fmt: skip
ALICE: dict[str, Any] = {"subject": "alice", "issuer": "drawbridge", "groups": ["a"], "grants": ["g"]}


def only(old: dict[str, Any], new: dict[str, Any]) -> Entry:
    found = difference(old, new)
    assert found.total == 1
    return found.entries[0]


GRANTS: list[tuple[Any, Any, str]] = [
    (None, ALLOW, "wider"),
    (ALLOW, None, "narrower"),
    (None, DENY, "narrower"),
    (DENY, None, "wider"),
    (ALLOW, {**ALLOW, "effect": "deny"}, "narrower"),
    (DENY, {**DENY, "effect": "allow"}, "wider"),
    (ALLOW, {**ALLOW, "tools": ["read", "write"]}, "wider"),
    ({**ALLOW, "tools": ["read", "write"]}, ALLOW, "narrower"),
    (ALLOW, {**ALLOW, "max_risk": "HIGH"}, "wider"),
    ({**ALLOW, "max_risk": "HIGH"}, ALLOW, "narrower"),
    (ALLOW, {**ALLOW, "constraint": {"type": "object"}}, "narrower"),
    ({**ALLOW, "constraint": {"type": "object"}}, ALLOW, "wider"),
    ({**ALLOW, "constraint": {"type": "object"}}, {**ALLOW, "constraint": {}}, "wider"),
    (ALLOW, {**ALLOW, "rate": "1/minute"}, "narrower"),
    (ALLOW, {**ALLOW, "rate": "1/minute", "tools": ["*"]}, "wider"),
    ({**ALLOW, "not_after": "2026-01-01"}, {**ALLOW, "not_after": "2027-01-01"}, "wider"),
    ({**ALLOW, "not_after": "2027-01-01"}, {**ALLOW, "not_after": "2026-01-01"}, "narrower"),
    ({**ALLOW, "not_before": "2026-01-01"}, {**ALLOW, "not_before": "2027-01-01"}, "narrower"),
    (DENY, {**DENY, "tools": ["*"]}, "narrower"),
    (DENY, {**DENY, "constraint": {"type": "object"}}, "wider"),
]


@pytest.mark.parametrize(("old", "new", "way"), GRANTS)
def test_a_grant_is_told_as_wider_or_narrower(old: Any, new: Any, way: str) -> None:
    entry = only({"grants": [old] if old else []}, {"grants": [new] if new else []})
    assert (entry.name, entry.reach) == ("g", way)


OTHERS: list[tuple[str, Any, Any, str]] = [
    ("tools", [TOOL], [{**TOOL, "state": "changed"}], "narrower"),
    ("tools", [{**TOOL, "state": "unreviewed"}], [TOOL], "wider"),
    ("tools", [TOOL], [{**TOOL, "risk": "LOW"}], "wider"),
    ("tools", [TOOL], [{**TOOL, "risk": "CRITICAL"}], "narrower"),
    ("tools", [TOOL], [{**TOOL, "input_schema": {}}], "wider"),
    ("tools", [], [{**TOOL, "state": "unreviewed"}], "neither"),
    ("tools", [TOOL], [], "narrower"),
    ("principals", [ALICE], [{**ALICE, "grants": ["g", "h"]}], "wider"),
    ("principals", [ALICE], [{**ALICE, "groups": []}], "neither"),
    ("principals", [ALICE], [], "narrower"),
    ("identity_providers", [], [{"issuer": "https://idp"}], "wider"),
    ("token_keys", ["k"], ["l"], ""),
    ("trust", TRUST, {**TRUST, "ceiling": "CRITICAL"}, "wider"),
    ("trust", TRUST, {**TRUST, "pins": "optional"}, "wider"),
    ("trust", TRUST, {**TRUST, "stale_all_s": 60}, "narrower"),
    ("server", {"id": "f", "title": "a"}, {"id": "f", "title": "b"}, "neither"),
    ("server", {"id": "f", "egress": ["a", "b"]}, {"id": "f", "egress": ["a"]}, "narrower"),
    ("server", {"id": "f", "egress": ["a"]}, {"id": "f", "egress": ["*"]}, "wider"),
    ("server", {"id": "f", "workspace": "/srv/a"}, {"id": "f", "workspace": "/"}, "wider"),
    ("kill_switches", [], [{"id": "kill-1", "target": "all"}], "narrower"),
    ("kill_switches", [{"id": "kill-1", "target": "all"}], [], "wider"),
    ("revoked_tokens", [], ["j"], "narrower"),
    ("quarantined", ["session:s"], [], "wider"),
    ("egress_blocked", None, True, "narrower"),
    ("egress_blocked", True, None, "wider"),
]


@pytest.mark.parametrize(("section", "old", "new", "way"), OTHERS)
def test_every_other_part_is_told_too(section: str, old: Any, new: Any, way: str) -> None:
    found = difference({section: old}, {section: new})
    assert way in ("", found.entries[0].reach)
    assert {entry.reach for entry in found.entries} <= {"wider", "narrower", "neither"}


def test_a_changed_object_shows_its_fields_word_by_word() -> None:
    entry = only({"grants": [ALLOW]}, {"grants": [{**ALLOW, "max_risk": "HIGH", "rate": "1/minute"}]})
    assert [field.name for field in entry.fields] == ["max_risk", "rate"]
    assert [(piece.kind, piece.text) for piece in entry.fields[0].pieces] == [("gone", "LOW"), ("new", "HIGH")]


def test_numbers_and_times_of_documents_are_no_difference() -> None:
    old = {"version": 1, "issued_at": "a", "expires_at": "b", "generation": 1, "grants": [ALLOW]}
    assert difference(old, {**old, "version": 2, "issued_at": "c", "expires_at": "d"}).total == 0


def test_a_long_difference_is_cut_and_what_got_wider_stays() -> None:
    gone = [{**ALLOW, "id": f"a{n:03}"} for n in range(SHOWN + 20)]
    found = difference({"grants": gone}, {"grants": [{**ALLOW, "id": "z"}]})
    assert (len(found.entries), found.more) == (SHOWN, 21)
    assert (found.entries[0].name, found.entries[0].reach) == ("z", "wider")


def test_what_is_no_document_is_empty() -> None:
    assert difference({}, {"grants": "nonsense", "trust": "odd"}).total == 1
