import json
from pathlib import Path

from enforcer.pipeline.facts import disk_view, real_path
from enforcer.policy.arguments import ArgumentFacts
from enforcer.policy.decision import Facts
from enforcer.policy.recorded import facts_as_json


def test_links_of_the_existing_part_are_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    base = str(tmp_path.resolve())
    assert real_path(f"{base}/link/new/file") == f"{base}/real/new/file"
    assert real_path(f"{base}/none/file") == f"{base}/none/file"


def test_thousands_of_parts_that_do_not_exist_are_no_trouble(tmp_path: Path) -> None:
    deep = str(tmp_path.resolve() / "/".join(["a"] * 1_500))
    assert real_path(deep) == deep


def test_a_loop_and_a_link_to_nothing_have_no_real_path(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    assert real_path(str(tmp_path / "a" / "x")) is None
    assert real_path(str(tmp_path / "dangling")) is None
    assert real_path("/x\0y") is None


def test_a_workspace_that_is_not_here_is_decided_by_text(tmp_path: Path) -> None:
    assert disk_view(None) is None
    assert disk_view(str(tmp_path / "nothing")) is None
    assert disk_view(str(tmp_path)) is real_path


def test_the_receipt_gets_every_fact_that_a_replay_needs() -> None:
    facts = Facts(1.23456, "same", None, {"g1": "pass"}, {"server": 9.99999})
    assert facts_as_json(facts, 5.0) == {
        "now": 5.0,
        "lease_age_s": 1.235,
        "definition": "same",
        "rates": {"server": 10.0},
        "constraints": {"g1": "pass"},
        "arguments": None,
        "token_id": None,
        "session_id": None,
    }
    assert facts_as_json(None, 5.0) == {}


def test_paths_and_hosts_take_a_bounded_part_of_a_receipt() -> None:
    found = tuple((f"/paths/{n}", "\x01" * 4000) for n in range(16))
    shown = facts_as_json(Facts(1.0, arguments=ArgumentFacts(None, {}, found, found, None)), 5.0)
    assert len(json.dumps(shown)) < 60_000
    assert isinstance(arguments := shown["arguments"], dict)
    assert arguments["paths"] == [list(each) for each in found[:2]]
    assert arguments["urls"] == []
