"""Every rule on arguments through a real gate: what is hostile never arrives, its nearest neighbours do."""

import ast
import inspect
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from enforcer.policy import paths, urls
from tests.support.caller import MODERN, Answer, Caller
from tests.support.system import System, running
from tests.system.argument_rows import MESSAGES, PATHS, SCHEMAS, URLS, Rule

UNREACHABLE = {
    "the workspace is not an absolute path": "refused when the policy is saved",
    "the workspace can't be resolved": "the gate would not launch a server without it",
    "not Unicode text": "the message is refused before: a lone surrogate",
}
TEXT = {"type": "string"}
TYPED = {
    "type": "object",
    "properties": {
        "n": {"type": "integer", "minimum": 0, "maximum": 100},
        "flag": {"type": "boolean"},
        "kind": {"enum": ["a", "b"]},
        "word": {"type": "string", "pattern": "^[a-z]+$"},
        "long": {"type": "string", "maxLength": 8},
        "inner": {"type": "object", "properties": {"x": TEXT}},
        "list": {"type": "array", "maxItems": 3, "items": {"type": "object", "properties": {"x": TEXT}}},
        "either": {"anyOf": [TEXT, {"type": "integer"}]},
        "open": {"type": "object", "additionalProperties": True},
    },
    "required": ["n"],
}
TOOLS: dict[str, dict[str, Any]] = {
    "path": {"input_schema": {"type": "object", "properties": {"path": TEXT}}, "path_arguments": ["/path"]},
    "url": {"input_schema": {"type": "object", "properties": {"url": TEXT}}, "url_arguments": ["/url"]},
    "typed": {"input_schema": TYPED, "path_arguments": [], "url_arguments": []},
}


@dataclass(frozen=True)
class Gated:
    """A caller who may call everything, and what really arrived."""

    system: System
    caller: Caller
    calls: Path
    workspace: Path

    def call(self, tool: str, arguments: Any) -> Answer:
        return self.caller.call(tool, self.placed(arguments))

    def placed(self, arguments: Any) -> Any:
        """With the workspace's own place in it."""
        return json.loads(json.dumps(arguments).replace("WORKSPACE", str(self.workspace)))

    def arrived(self) -> int:
        return len(self.calls.read_text().splitlines()) if self.calls.exists() else 0


@pytest.fixture(scope="module")
def gated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gated]:
    with running(tmp_path_factory.mktemp("arguments")) as system:
        workspace, calls, definitions = system.home / "workspace", system.home / "calls", system.home / "tools.json"
        furnish(workspace)
        said = [{"name": name, "inputSchema": tool["input_schema"]} for name, tool in TOOLS.items()]
        definitions.write_text(json.dumps(said))
        server = {"id": "s", "trust_level": "internal", "credential": {"mode": "none"}, "workspace": str(workspace)}
        system.apply(
            {
                "servers": [{**server, "egress": ["api.example.com", "*.example.org"]}],
                "tools": [{"server": "s", "name": name, "risk": "LOW", **tool} for name, tool in TOOLS.items()],
                "principals": [{"subject": "ada"}],
                "grants": [{"principal": "ada", "server": "s", "tools": ["*"], "reason": "tests"}],
            }
        )
        url = system.start_upstream("shifty", "--definitions", str(definitions), "--ledger", str(calls))
        system.open_gate(system.enroll("gate", "s", upstream=url))
        yield Gated(system, system.caller("gate", system.token("ada")), calls, workspace)


def furnish(workspace: Path) -> None:
    """Directories, and links that lead inside, outside, in a circle and up from somewhere deep."""
    for name in ("inside", "a/b", "far/away"):
        (workspace / name).mkdir(parents=True)
    for name, target in (("out", "/etc"), ("in", "inside"), ("loop", "loop"), ("deep", "far/away")):
        (workspace / name).symlink_to(target)


def test_no_hostile_argument_reaches_the_server_and_every_rule_refuses_something(gated: Gated) -> None:
    before, receipts = gated.arrived(), {}
    for name, rule in all_rules():
        for hostile in rule.hostile:
            answer = gated.call(rule.tool, hostile)
            assert answer.codes == [rule.code], (name, hostile, answer.body)
            receipts[answer.receipt_id] = name
    assert gated.arrived() == before
    details = [r["decision"]["detail"] for r in gated.system.receipts() if r["receipt_id"] in receipts]
    assert len(details) == len(receipts)
    silent = [name for name in (*PATHS, *URLS) if not any(detail.endswith(f": {name}") for detail in details)]
    assert not silent


def test_every_friendly_neighbour_arrives(gated: Gated) -> None:
    before, count = gated.arrived(), 0
    for name, rule in all_rules():
        for friendly in rule.friendly:
            answer = gated.call(rule.tool, friendly)
            assert answer.codes == [], (name, friendly, answer.body)
            count += 1
    assert gated.arrived() == before + count


@pytest.mark.parametrize("rule", MESSAGES)
def test_arguments_that_can_be_read_in_two_ways_are_no_message(gated: Gated, rule: str) -> None:
    hostile, friendly = MESSAGES[rule]
    before = gated.arrived()
    assert send(gated, hostile).status == 400
    assert gated.arrived() == before
    assert send(gated, friendly).codes == []
    assert gated.arrived() == before + 1


def test_oversize_is_refused_and_just_below_passes(gated: Gated) -> None:
    before = gated.arrived()
    assert gated.call("typed", {"n": 5, "open": {"x": "x" * 1_000_000}}).codes == ["DENY_PAYLOAD_TOO_LARGE"]
    assert gated.arrived() == before
    assert gated.call("typed", {"n": 5, "open": {"x": "x" * 60_000}}).codes == []
    assert gated.arrived() == before + 1


def test_every_rule_in_the_code_has_rows() -> None:
    assert {*refusals(paths), *refusals(urls)} == {*PATHS, *URLS, *UNREACHABLE}
    assert all(rule.hostile and rule.friendly for _, rule in all_rules())


def all_rules() -> Iterator[tuple[str, Rule]]:
    for table in (PATHS, URLS, SCHEMAS):
        yield from table.items()


def send(gated: Gated, arguments: str) -> Answer:
    """The arguments exactly as they are written."""
    meta = {"io.modelcontextprotocol/protocolVersion": MODERN, "io.modelcontextprotocol/clientCapabilities": {}}
    params = f'{{"name": "typed", "arguments": {arguments}, "_meta": {json.dumps(meta)}}}'
    body = f'{{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {params}}}'
    headers = {"MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/call", "Mcp-Name": "typed"}
    return gated.caller.post(body.encode(), headers)


def refusals(module: ModuleType) -> Iterator[str]:
    """Every sentence that a module refuses with."""
    tree = ast.parse(inspect.getsource(module))
    constants = {name: value for name, value in vars(module).items() if name.isupper()}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Refused":
            yield from sentences(node.args[0], constants)
        if isinstance(node, ast.FunctionDef) and node.name in ("_flaw", "_hidden"):
            for inner in ast.walk(node):
                if isinstance(inner, ast.Return) and inner.value is not None:
                    yield from sentences(inner.value, constants)


def sentences(node: ast.expr, constants: dict[str, Any]) -> Iterator[str]:
    if isinstance(node, ast.IfExp):
        yield from sentences(node.body, constants)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.Name) and node.id == "_NOT_PLAIN":
        yield urls._NOT_PLAIN
    elif isinstance(node, ast.JoinedStr):
        yield str(eval(compile(ast.Expression(node), "rule", "eval"), constants))
