from pathlib import Path

import pytest

from controlplane.grants.models import Grant
from controlplane.incidents.models import KillSwitch
from controlplane.inventory.models import Server, Tool, TrustLevel
from controlplane.policy.declarative.apply import apply_policy
from controlplane.policy.declarative.outcome import Applied
from controlplane.policy.models import ChangedServer
from controlplane.principals.models import Group, Principal
from controlplane.receipts.models import Receipt
from tests.controlplane.actors import ADA
from tests.controlplane.factories import ServerFactory, ToolFactory
from tests.controlplane.policy_file.samples import GOOD, NOW, written

pytestmark = pytest.mark.django_db
DEMO = Path(__file__).parents[3] / "controlplane/embedded/demo/policy.yaml"
EMPTY = "version: 1\n"


def apply(text: str, *, prune: bool = False, dry_run: bool = False) -> Applied:
    return apply_policy(
        value=written(text).value, source="policy.yaml", actor=ADA, now=NOW, prune=prune, dry_run=dry_run
    )


def lines(applied: Applied) -> list[str]:
    assert not applied.problems
    return [change.line() for change in applied.changes]


def rows() -> tuple[int, ...]:
    return tuple(kind.objects.count() for kind in (Server, Tool, Principal, Group, Grant, Receipt, ChangedServer))


def test_everything_named_is_created_and_the_difference_reads_like_a_list() -> None:
    assert lines(apply(GOOD)) == [
        "+ group finance",
        "+ principal alice",
        "+ server files",
        "+ tool files/fs_read",
        f"+ grant {Grant.objects.get().key}: allow alice files [fs_read]",
    ]
    assert Grant.objects.get().principal == Principal.objects.get(subject="alice", issuer="drawbridge")
    assert [group.name for group in Principal.objects.get().groups.all()] == ["finance"]
    assert Tool.objects.get().state == "reviewed"


def test_the_second_time_changes_and_publishes_nothing_but_waits_for_the_first() -> None:
    first = apply(GOOD)
    before = rows()
    again = apply(GOOD)
    assert again.changes == ()
    assert again.change_ids == first.change_ids
    assert rows() == before


def test_one_apply_is_one_change_and_one_receipt() -> None:
    applied = apply(GOOD)
    (change_id,) = applied.change_ids
    assert [(part.change_id, part.server_id) for part in ChangedServer.objects.all()] == [(change_id, "files")]
    assert Receipt.objects.count() == 1
    assert b"+ grant" in bytes(Receipt.objects.get().line)


def test_a_dry_run_says_the_same_and_writes_nothing() -> None:
    before = rows()
    dry = apply(GOOD, dry_run=True)
    assert rows() == before
    assert [line.split(":")[0] for line in lines(dry)] == [line.split(":")[0] for line in lines(apply(GOOD))]


def test_a_file_with_one_problem_applies_nothing_at_all() -> None:
    before = rows()
    refused = apply(GOOD + "  - {principal: nobody, server: files, tools: [fs_read]}\n")
    assert refused.problems
    assert refused.changes == ()
    assert rows() == before


def test_a_change_names_the_field_and_both_values() -> None:
    apply(GOOD)
    changed = GOOD.replace("risk: LOW", "risk: MEDIUM").replace("trust_level: internal", "trust_level: verified")
    assert lines(apply(changed)) == [
        "~ server files: trust_level internal -> verified",
        "~ tool files/fs_read: risk LOW -> MEDIUM",
    ]
    assert Server.objects.get().trust_level_id == "verified"


def test_what_the_file_does_not_name_stays_until_pruned() -> None:
    apply(GOOD)
    narrower = GOOD.replace("tools: [fs_read]}", "tools: [fs_read], rate: 1/day}")
    kept = apply(narrower)
    assert kept.left_alone == "1 grants"
    assert Grant.objects.count() == 2
    assert [line[0] for line in lines(apply(narrower, prune=True))] == ["-"]
    assert Grant.objects.get().rate == "1/day"


def test_a_grant_with_an_id_is_changed_in_place() -> None:
    apply(GOOD.replace("{principal: alice, server", "{id: reads, principal: alice, server"))
    apply(GOOD.replace("{principal: alice, server", "{id: reads, group: finance, server"))
    assert Grant.objects.get(key="reads").group == Group.objects.get(name="finance")
    assert Grant.objects.get(key="reads").principal is None


def test_a_grant_without_an_id_keeps_its_key_when_only_its_reason_changes() -> None:
    apply(GOOD)
    key = Grant.objects.get().key
    applied = apply(GOOD.replace("tools: [fs_read]}", 'tools: [fs_read], reason: "asked for"}'))
    assert [line[:7] for line in lines(applied)] == ["~ grant"]
    assert (Grant.objects.get().key, Grant.objects.get().reason) == (key, "asked for")


def test_pruning_retires_a_server_and_its_return_brings_no_grant_back() -> None:
    apply(GOOD)
    gone = lines(apply(EMPTY, prune=True))
    assert gone[0].startswith("- grant")
    assert {line.split(":")[0].rsplit(" ", 1)[0] for line in gone} >= {"- server", "- tool", "- principal", "- group"}
    assert Server.objects.get().retired
    assert Server.objects.get().credential_mode == "unset"
    assert (Tool.objects.count(), Grant.objects.count(), Principal.objects.count(), Group.objects.count()) == (0,) * 4
    apply(GOOD.split("tools:\n  -")[0])
    assert not Server.objects.get().retired
    assert Grant.objects.count() == 0


def test_a_pruning_file_may_not_refer_to_what_it_would_remove() -> None:
    apply(GOOD)
    only_grant = "version: 1\ngrants:\n  - {principal: alice, server: files, tools: [fs_read]}\n"
    assert apply(only_grant, prune=True).problems
    assert not apply(only_grant).problems


def test_pruning_leaves_discovered_tools_and_raised_switches() -> None:
    apply(GOOD + "kill_switches: [{target: 'tool:files/x', reason: r}]\n")
    ToolFactory(server=Server.objects.get(), name="found", declared=False)
    apply(EMPTY, prune=True)
    assert [tool.name for tool in Tool.objects.all()] == ["found"]
    assert KillSwitch.objects.filter(lowered_at__isnull=True).count() == 1


def test_a_switch_is_raised_once_and_waited_for() -> None:
    raising = GOOD + "kill_switches: [{target: 'tool:files/x', reason: r}]\n"
    first = apply(raising)
    assert lines(first)[-1] == "+ kill_switch tool:files/x"
    assert len(first.change_ids) == 2
    assert apply(raising.replace("reason: r", "reason: s")).changes == ()
    assert KillSwitch.objects.get().reason == "r"


def test_a_tool_declared_anew_forgets_its_pin_and_a_quarantine_outlives_it() -> None:
    apply(GOOD)
    Tool.objects.update(pin="sha256:" + "0" * 64, state="changed")
    apply(GOOD.replace("risk: LOW", "risk: MEDIUM"))
    assert Tool.objects.get().state == "changed"
    wider = GOOD.replace("url: {type: string}", "url: {type: string}, n: {type: integer}")
    apply(wider)
    assert (Tool.objects.get().state, Tool.objects.get().pin) == ("reviewed", "")
    Tool.objects.update(state="quarantined")
    apply(GOOD)
    assert Tool.objects.get().state == "quarantined"


def test_a_trust_level_is_tuned_and_reaches_its_servers_alone() -> None:
    apply(GOOD)
    ServerFactory(id="other", trust_level=TrustLevel.objects.get(name="unknown"))
    applied = apply("version: 1\ntrust_levels: [{name: unknown, ceiling: MEDIUM}]\n")
    assert lines(applied) == ["~ trust_level unknown: ceiling LOW -> MEDIUM"]
    parts = ChangedServer.objects.filter(change_id__in=applied.change_ids)
    assert [part.server_id for part in parts] == ["other"]


def test_moving_a_principal_into_a_group_reaches_the_servers_of_the_groups_grants() -> None:
    apply(GOOD + "  - {group: finance, server: files, tools: [fs_read], effect: deny}\n")
    applied = apply("version: 1\nprincipals: [{subject: bob, groups: [finance]}]\n")
    assert [p.server_id for p in ChangedServer.objects.filter(change_id__in=applied.change_ids)] == ["files"]


def test_a_new_group_alone_publishes_nothing() -> None:
    apply(GOOD)
    assert apply("version: 1\ngroups: [{name: sales}]\n").change_ids == ()


def test_the_file_of_the_demo_is_accepted() -> None:
    applied = apply(DEMO.read_text().replace("{workspace}", "/srv/demo"))
    assert not applied.problems
    assert applied.warnings == ()
    assert apply(DEMO.read_text().replace("{workspace}", "/srv/demo")).changes == ()
