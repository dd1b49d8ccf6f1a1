import json
from typing import Any

from tests.support.bench import policy
from tests.support.processes import wait_for
from tests.support.system import System

TRUST_LEVELS = {"internal", "verified", "community", "unknown"}
RISKS = {"LOW", "MEDIUM", "HIGH", "CRITICAL"}


def test_INV_01_every_server_and_tool_has_a_valid_trust_level_and_risk(system: System, ada: str) -> None:
    registry = exported(system)
    assert {server["trust_level"] for server in registry["servers"]} <= TRUST_LEVELS
    assert {tool["risk"] for tool in registry["tools"]} <= RISKS
    assert {tool["server"] for tool in registry["tools"]} <= {server["id"] for server in registry["servers"]}
    receipt = system.receipt(system.caller("gate", ada).call("note", {"no": "field"}).receipt_id)
    assert (receipt["mcp"]["trust_level"], receipt["risk_level"]) == ("internal", "LOW")


def test_INV_01_an_entry_with_any_other_word_gets_nowhere(system: System) -> None:
    before = exported(system)
    for section, key, word in (("servers", "trust_level", "trusted"), ("tools", "risk", "NONE"), ("tools", "risk", "")):
        said = {"version": 1, **policy(system.home / "workspace")}
        said[section][0][key] = word
        done = system.manage("apply", "-", stdin=json.dumps(said))
        assert (done.code, done.out) == (2, ""), done
        assert f"{section}[0].{key}" in done.err, done
    assert exported(system) == before


def test_INV_01_what_was_discovered_is_pinned_in_the_registry(system: System) -> None:
    def pinned() -> bool:
        found = [r for r in system.receipts(settle_s=0) if r.get("action") == "tool.discovery"]
        return any("note" in receipt["detail"].get("pinned", []) for receipt in found)

    wait_for(pinned, "the declared tools to be pinned as they were seen", timeout_s=30)


def exported(system: System) -> dict[str, Any]:
    done = system.manage("export", "--json")
    assert done.code == 0, done
    registry: dict[str, Any] = json.loads(done.out)
    return registry
