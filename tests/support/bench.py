"""The system that conformance and system tests share: a control plane, a ledger behind two gates, three principals."""

from pathlib import Path
from typing import Any

from tests.support.ledger import INPUT_SCHEMAS
from tests.support.system import System


def policy(workspace: Path, **more: Any) -> dict[str, Any]:
    """ada may use both tools of `ledger`, grace only `note`; nobody chose a credential for `unset`."""
    server = {
        "trust_level": "internal",
        "title": "Ledger",
        "workspace": str(workspace),
        "limits": {"rate": "10000/second"},
    }
    return {
        "servers": [{**server, "id": "ledger", "credential": {"mode": "none"}}, {**server, "id": "unset"}],
        "tools": [
            {
                "server": name,
                "name": tool,
                "risk": "LOW",
                "input_schema": INPUT_SCHEMAS[tool],
                "path_arguments": ["/nonce"] if tool == "other" else [],
                "url_arguments": [],
            }
            for name in ("ledger", "unset")
            for tool in ("note", "other")
        ],
        "principals": [{"subject": "ada", "actor_type": "agent"}, {"subject": "grace"}, {"subject": "nobody"}],
        "grants": [
            {"principal": "ada", "server": "ledger", "tools": ["*"], "reason": "tests"},
            {"principal": "grace", "server": "ledger", "tools": ["note"], "reason": "tests"},
            {"principal": "ada", "server": "unset", "tools": ["*"], "reason": "tests"},
        ],
        **more,
    }


def lines_of(ledger: Path) -> list[str]:
    """The nonces that really ran, in order."""
    return [line.split(" ", 1)[1] for line in ledger.read_text().splitlines()] if ledger.exists() else []


def open_bench(system: System) -> Path:
    """Apply the policy, start the ledger and both gates; returns the ledger's file."""
    workspace, ledger = system.home / "workspace", system.home / "ledger"
    workspace.mkdir()
    (workspace / "inside").write_text("x")
    system.apply(policy(workspace))
    url = system.start_upstream("ledger", "--ledger", str(ledger))
    for enforcer_id, server in (("gate", "ledger"), ("unset-gate", "unset")):
        system.open_gate(system.enroll(enforcer_id, server, upstream=url))
    return ledger
