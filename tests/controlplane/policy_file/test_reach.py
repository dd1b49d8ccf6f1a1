"""A change that isn't published is a grant that was never taken back: every snapshot that differs must be made anew."""

from datetime import UTC, datetime

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from controlplane.inventory.models import Server
from controlplane.policy.compile import compile_snapshot
from controlplane.policy.declarative.apply import apply_policy
from controlplane.policy.models import ChangedServer
from enforcer.contract.documents import write
from enforcer.contract.strict_json import JsonObject
from tests.controlplane.actors import ADA

NOW = datetime(2026, 11, 1, tzinfo=UTC)
SERVERS = ("one", "two")
WHO = ({"principal": "ada"}, {"principal": "bob"}, {"group": "red"}, {"group": "blue"})
WHAT = ({"server": "one", "tools": ["*"]}, {"server": "two", "tools": ["read"]}, {"trust": "unknown"}, {"risk": "LOW"})
SECTIONS = ("trust_levels", "principals", "servers", "tools", "grants")
LEVELS = st.sampled_from(["internal", "unknown"])


def grants(draw: st.DrawFn) -> list[dict[str, object]]:
    pairs = draw(st.sets(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=5))
    return [
        {**WHO[who], **WHAT[what], "effect": draw(st.sampled_from(["allow", "deny"]))} for who, what in sorted(pairs)
    ]


@st.composite
def policies(draw: st.DrawFn) -> JsonObject:
    groups = st.lists(st.sampled_from(["red", "blue"]), max_size=2, unique=True)
    tools = draw(st.sets(st.sampled_from([(s, t) for s in SERVERS for t in ("read", "write")])))
    return {
        "version": 1,
        "trust_levels": [{"name": "unknown", "ceiling": draw(st.sampled_from(["LOW", "HIGH"]))}],
        "groups": [{"name": "red"}, {"name": "blue"}],
        "principals": [{"subject": name, "groups": draw(groups)} for name in ("ada", "bob")],
        "servers": [{"id": name, "trust_level": draw(LEVELS), "credential": {"mode": "none"}} for name in SERVERS],
        "tools": [
            {"server": s, "name": t, "risk": draw(st.sampled_from(["LOW", "HIGH"])), "input_schema": {"type": "object"}}
            for s, t in sorted(tools)
        ],
        "grants": grants(draw),
    }


def snapshots() -> dict[str, bytes]:
    made = {}
    for server in Server.objects.all():
        made[server.id] = write(compile_snapshot(server, version=1, generation=1, now=NOW, token_keys=()))
    return made


class EveryDifferenceIsPublished(TestCase):
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(policies(), policies(), st.sampled_from(SECTIONS), st.booleans())
    def test_a_server_whose_snapshot_differs_is_in_the_change(
        self, first: JsonObject, other: JsonObject, changed: str, prune: bool
    ) -> None:
        second = first | {changed: other[changed]}
        assert not apply_policy(value=first, source="a", actor=ADA, now=NOW).problems
        before = snapshots()
        applied = apply_policy(value=second, source="b", actor=ADA, now=NOW, prune=prune)
        after = snapshots()
        parts = ChangedServer.objects.filter(change_id__in=applied.change_ids)
        published = {part.server_id for part in parts} if applied.changes else set()
        assert {name for name in after if before.get(name) != after[name]} <= published
        assert not apply_policy(value=second, source="b", actor=ADA, now=NOW, prune=prune).changes
