"""The JSON Schema of a receipt: real ones fit, others don't, and it says what the page of receipts says."""

import copy
import re
from collections.abc import Iterator
from pathlib import Path

import jsonschema_rs
import pytest

from enforcer.contract.receipt import ReceiptType
from enforcer.contract.receipt_schema import DIALECT, receipt_schema
from enforcer.contract.strict_json import JsonObject
from enforcer.journal.opening import Gap, gap, interrupted
from tests.enforcer.pipeline.workbench import Workbench

PAGE = Path(__file__).parents[3] / "docs/reference/receipt.md"
SCHEMA = receipt_schema()
VALIDATOR = jsonschema_rs.Draft202012Validator(SCHEMA)


def wrong(receipt: JsonObject) -> list[str]:
    return [f"{problem.instance_path}: {problem.message}" for problem in VALIDATOR.iter_errors(receipt)]


@pytest.fixture
async def receipts(tmp_path: Path) -> list[JsonObject]:
    """Of a call that passed and of one that was refused, as they stand in the chain."""
    bench = Workbench(tmp_path)
    await bench.call()
    bench.link.policy = None
    await bench.call()
    return bench.receipts()


async def test_receipts_of_the_gate_fit(receipts: list[JsonObject]) -> None:
    assert {receipt["receipt_type"] for receipt in receipts} >= {ReceiptType.ACTION, ReceiptType.REFUSAL}
    for receipt in receipts:
        assert wrong(receipt) == []
    placed = {key: receipts[0][key] for key in ("chain_id", "parent_hash", "receipt_hash", "transaction_time")}
    assert wrong({**interrupted("r-1", receipts[0], 0.0), **placed, "sequence": 2}) == []
    assert wrong({**gap("probe", Gap("damage", "journal.bad-1"), 0.0), **placed, "sequence": 3}) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("receipt_type",), "csp.other.v1"),
        (("sequence",), 0),
        (("receipt_hash",), "sha256:xyz"),
        (("ts",), "yesterday"),
        (("surprise",), 1),
        (("decision", "result"), "maybe"),
        (("decision", "reason_codes"), []),
        (("decision", "reason_codes"), ["NOT_A_CODE"]),
        (("principal", "surprise"), "x"),
        (("outcome",), None),
    ],
)
async def test_what_is_no_receipt_does_not_fit(
    receipts: list[JsonObject], path: tuple[str, ...], value: object
) -> None:
    other = copy.deepcopy(receipts[0])
    place: object = other
    for name in path[:-1]:
        place = place[name]  # type: ignore[index]
    place[path[-1]] = value  # type: ignore[index]
    assert wrong(other)


@pytest.mark.parametrize("name", ["receipt_hash", "mcp", "decision", "facts", "principal", "incident"])
async def test_nothing_that_is_always_there_may_be_missing(receipts: list[JsonObject], name: str) -> None:
    assert wrong({key: value for key, value in receipts[0].items() if key != name})


def test_it_is_a_schema_itself() -> None:
    assert SCHEMA["$schema"] == DIALECT
    assert jsonschema_rs.meta.is_valid(SCHEMA)


def test_it_names_exactly_the_fields_of_the_reference() -> None:
    page = PAGE.read_text().partition("## In the contract, not written")[0]
    documented = set(re.findall(r"^\| `([\w.]+)` \|", page, re.MULTILINE)) - {kind.value for kind in ReceiptType}
    assert set(_names(SCHEMA)) == documented


def _names(schema: JsonObject, before: str = "") -> Iterator[str]:
    for each in schema.get("allOf", []):  # type: ignore[union-attr]
        yield from _names(each["then"])  # type: ignore[index,call-overload,arg-type]
    for name, inner in schema.get("properties", {}).items():  # type: ignore[union-attr]
        yield before + name
        yield from _names(inner, f"{before}{name}.")  # type: ignore[arg-type]
