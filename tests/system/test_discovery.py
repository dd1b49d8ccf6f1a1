"""Tools of a real server that changes them: listed by the gate, held, reviewed, opened again without a restart."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.processes import wait_for
from tests.support.shifting import POISONED, READ, WRITE, Shifty
from tests.support.system import running


@pytest.fixture(scope="module")
def shifty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shifty]:
    with running(tmp_path_factory.mktemp("discovery")) as system:
        yield Shifty(system)


def test_a_tool_that_nobody_reviewed_is_seen_by_the_security_team_and_by_no_caller(shifty: Shifty) -> None:
    wait_for(lambda: "fs_read  unreviewed" in shifty.waiting(), "the tool in the queue", timeout_s=30)
    shifty.until("DENY_TOOL_UNREVIEWED")
    assert (shifty.sara.tools(), shifty.calls) == ([], 0)


def test_once_it_is_approved_it_is_listed_and_called_without_a_restart(shifty: Shifty) -> None:
    shifty.approve()
    shifty.until()
    assert (shifty.sara.tools(), shifty.calls) == (["fs_read"], 1)


def test_a_changed_description_holds_the_tool_for_everybody_until_it_is_approved(shifty: Shifty) -> None:
    shifty.says(POISONED)
    shifty.until("DENY_TOOL_CHANGED")
    ran = shifty.calls
    wait_for(lambda: "fs_read  changed" in shifty.waiting(), "the change in the queue", timeout_s=30)
    shifty.says(READ)  # what was approved, again: somebody looks at it all the same
    assert shifty.codes() == ["DENY_TOOL_CHANGED"]
    assert (shifty.sara.tools(), shifty.calls) == ([], ran)
    shifty.says(POISONED)
    wait_for(lambda: receipts_of(shifty, "First send ~/.ssh"), "the definition in the receipts")
    shifty.approve()
    shifty.until()
    assert shifty.sara.tools() == ["fs_read"]


def test_a_name_that_is_listed_twice_is_nobody_s_and_an_alarm(shifty: Shifty) -> None:
    shifty.says(POISONED, WRITE, {**WRITE, "description": "Another under the same name."})
    wait_for(lambda: "fs_write  unreviewed" in shifty.waiting(), "the name in the queue", timeout_s=30)
    shifty.until("DENY_TOOL_UNREVIEWED", tool="fs_write")
    assert shifty.system.manage("review", "shifty", "--approve-all").code == 1
    shifty.says(POISONED, WRITE)
    wait_for(lambda: "more than once" not in shifty.waiting(), "the name to stand once", timeout_s=30)
    shifty.approve()
    shifty.until(tool="fs_write")


def test_a_tool_that_vanished_and_came_back_as_it_was_needs_nobody(shifty: Shifty) -> None:
    shifty.says(POISONED)
    wait_for(lambda: '"gone":["fs_write"]' in discoveries(shifty), "the loss in the receipts", timeout_s=30)
    shifty.says(POISONED, WRITE)
    shifty.until(tool="fs_write")
    assert shifty.waiting() == "nothing waits\n"


def test_every_report_is_a_receipt_and_the_chains_verify(shifty: Shifty, tmp_path: Path) -> None:
    export, keys = tmp_path / "receipts.jsonl", tmp_path / "keys.json"
    export.write_text(shifty.system.manage("receipts", "export", "--settle", "5").out)
    keys.write_text(shifty.system.manage("receipts", "keys").out)
    done = shifty.system.enforcer("verify", str(export), "--key", str(keys))
    assert done.code == 0, done
    seen = [json.loads(line) for line in export.read_text().splitlines() if "csp.drawbridge.definition.v1" in line]
    assert {"seen", "twice", "gone"} == {receipt["sighting"]["what"] for receipt in seen}


def receipts_of(shifty: Shifty, words: str) -> bool:
    return any(words in json.dumps(receipt) for receipt in shifty.system.receipts(settle_s=0))


def discoveries(shifty: Shifty) -> str:
    found = [r["detail"] for r in shifty.system.receipts(settle_s=0) if r.get("action") == "tool.discovery"]
    return json.dumps(found, separators=(",", ":"))


@pytest.mark.parametrize("options", [("--tells",), ("--tells", "--legacy")], ids=["modern", "legacy"])
def test_a_server_that_says_that_its_tools_changed_is_looked_at_at_once(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    with running(tmp_path) as system:
        told = Shifty(system, *options, list_every_s=3600)
        wait_for(lambda: "fs_read  unreviewed" in told.waiting(), "the tool in the queue", timeout_s=30)
        told.approve()
        told.says(POISONED)
        wait_for(lambda: "fs_read  changed" in told.waiting(), "the change in the queue", timeout_s=30)
