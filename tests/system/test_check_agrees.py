"""`enforcer check` and the running gate answer the same."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.system import System

CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("ada", "note", {"nonce": "check"}),
    ("ada", "note", {}),
    ("ada", "note", {"nonce": 5}),
    ("ada", "note", {"nonce": "x", "more": 1}),
    ("ada", "other", {"nonce": "inside"}),
    ("ada", "other", {"nonce": "../outside"}),
    ("ada", "missing", {}),
    ("grace", "other", {"nonce": "inside"}),
    ("nobody", "note", {"nonce": "x"}),
]


@pytest.mark.parametrize(("who", "tool", "arguments"), CASES)
def test_check_says_what_the_gate_answers(
    system: System, tmp_path: Path, who: str, tool: str, arguments: dict[str, Any]
) -> None:
    token = system.token(who)
    file = tmp_path / "token"
    file.write_text(token + "\n")
    gate = system.gates["gate"]
    answer = system.caller("gate", token).call(tool, arguments)
    checked = system.enforcer(
        "check", str(gate.file), "--token-file", str(file), "--tool", tool, "--args", json.dumps(arguments)
    )
    decision, *codes = checked.out.splitlines()[0].split()
    assert codes == (answer.codes or ["ALLOW_POLICY_MATCH"])
    assert (decision, checked.code) == (("allow", 0) if not answer.codes else ("deny", 1))


def test_check_refuses_a_bad_token_as_the_gate_does(system: System) -> None:
    checked = system.enforcer("check", str(system.gates["gate"].file), "--token", "nonsense", "--tool", "note")
    assert checked.code == 1
    assert checked.out.split()[1:3] == ["DENY_INVALID_TOKEN", "DENY_NO_AUTHN"]


def test_check_leaves_no_receipt(system: System, ada: str) -> None:
    before = len(system.receipts("--enforcer", "gate"))
    system.enforcer("check", str(system.gates["gate"].file), "--token", ada, "--tool", "note", "--args", "{}")
    assert len(system.receipts("--enforcer", "gate")) == before


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--tool", "note", "--args", "{"], "--args: not JSON; write a JSON object"),
        (["--tool", "note", "--server", "moon"], "--server: 'moon' is not in the file; name one of ledger"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(system: System, args: list[str], said: str) -> None:
    checked = system.enforcer("check", str(system.gates["gate"].file), "--token", "t", *args)
    assert checked.code == 2
    assert said in checked.err
    assert len(checked.err.strip().splitlines()) == 1
